import ipaddr from 'ipaddr.js';

/** What IANA gives out as global unicast; everything public is in it. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an IP address belongs to the public Internet: not loopback, private, link-local (cloud metadata is there), carrier-grade
 * NAT, unique local, multicast, documentation or translated ranges. IPv4 inside IPv6 is judged as IPv4. What is no address is not public.
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  if (!ipaddr.isValid(bare)) return false;
  const parsed = ipaddr.process(bare);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || (parsed as ipaddr.IPv6).match(globalUnicast);
}
