import { BlockList, isIP } from 'node:net';
import type { Asking } from './presented-token.ts';

/** Addresses and CIDR ranges as one set. */
export function addressSet(ranges: readonly string[]): BlockList {
  const set = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) set.addAddress(address, family);
    else set.addSubnet(address, Number(bits), family);
  }
  return set;
}

/** Whether an address is in a set. What is no address is in none. */
export function isAmong(set: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && set.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Where a request comes from: the address of the connection, or what the proxies that are trusted say about it. Each adds the address
 * that it sees at the end of `X-Forwarded-For`, so that the last one which is no trusted proxy is the viewer.
 */
export function viewerAddress({ headers, socket }: Asking['req'], trusted: BlockList): string {
  const hops = [...forwardedFor(headers['x-forwarded-for']), plainAddress(socket.remoteAddress ?? '')];
  let address = hops.pop() ?? '';
  while (isAmong(trusted, address)) {
    const before = hops.pop();
    if (before === undefined) break;
    address = before;
  }
  return address;
}

/** Whether the page that asks is on one of these hosts: `example.com`, or `*.example.com` for those below it. */
export function isReferredBy({ headers }: Asking['req'], hosts: readonly string[]): boolean {
  const from = URL.parse(headers.referer ?? headers.origin ?? '')?.hostname;
  if (!from) return false;
  return hosts.some((host) => {
    const name = host.toLowerCase();
    return name.startsWith('*.') ? from.endsWith(name.slice(1)) : from === name;
  });
}

function forwardedFor(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text ? text.split(',').map((entry) => plainAddress(entry.trim())) : [];
}

/** Without the form that IPv4 has on an IPv6 socket, and without brackets, port and zone. */
function plainAddress(text: string): string {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1');
  return bare.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}
