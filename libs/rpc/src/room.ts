import { BlockList, isIP, type Socket } from 'node:net';
import type { PortLimits } from './port.ts';

/** Who may connect while many do. */
export interface Room {
  /** Counts a connection in until it closes, or closes it at once and says false. */
  take(socket: Socket): boolean;
}

/** `makeRoom` ends connections that are idle, and says how many. */
export function createRoom(
  limits: Pick<PortLimits, 'maxConnections' | 'maxConnectionsPerAddress' | 'trustedProxies'>,
  makeRoom: () => number,
): Room {
  const shared = sharedAddresses(limits.trustedProxies);
  const counts = new Map<string, number>();
  let count = 0;

  function leave(place: string): void {
    count -= 1;
    const left = (counts.get(place) ?? 1) - 1;
    if (left > 0) counts.set(place, left);
    else counts.delete(place);
  }

  return {
    take(socket) {
      const { remoteAddress = '' } = socket;
      const family = isIP(remoteAddress) === 6 ? 'ipv6' : 'ipv4';
      const isShared = isIP(remoteAddress) === 0 || shared.check(remoteAddress, family);
      const place = placeOf(remoteAddress);
      const taken = counts.get(place) ?? 0;
      const isTooMany = !isShared && taken >= limits.maxConnectionsPerAddress;
      if (isTooMany || (count >= limits.maxConnections && makeRoom() === 0)) {
        socket.destroy();
        return false;
      }
      count += 1;
      counts.set(place, taken + 1);
      socket.once('close', () => leave(place));
      return true;
    },
  };
}

function sharedAddresses(proxies: readonly string[]): BlockList {
  const list = new BlockList();
  for (const proxy of ['127.0.0.0/8', '::1', ...proxies]) {
    const [address = '', bits] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** An IPv4 address, or the /64 of an IPv6 one, of which whoever has one has all. */
function placeOf(address: string): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) return v4;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}
