import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';

/** How many beacons are taken. */
export interface AllowanceOptions {
  /** From one address: at once, and in each second after that. */
  readonly each: { readonly burst: number; readonly perSecond: number };
  /** From all together. */
  readonly all: { readonly burst: number; readonly perSecond: number };
}

interface Bucket {
  left: number;
  filledAtMs: number;
}

const rememberedAddresses = 20_000;

/** Says for each beacon whether its address, and this edge as a whole, may have another one at a time in milliseconds. */
export function createAllowance({
  each,
  all,
}: AllowanceOptions): (address: string, nowMs: number) => boolean {
  const buckets = new LRUCache<string, Bucket>({ max: rememberedAddresses });
  const whole: Bucket = { left: all.burst, filledAtMs: 0 };
  return (address, nowMs) => {
    const network = networkOf(address);
    const own = buckets.get(network) ?? { left: each.burst, filledAtMs: nowMs };
    buckets.set(network, own);
    fill(own, each, nowMs);
    fill(whole, all, nowMs);
    // Who has used up their own takes nothing from the others.
    if (own.left < 1 || whole.left < 1) return false;
    own.left -= 1;
    whole.left -= 1;
    return true;
  };
}

function fill(bucket: Bucket, { burst, perSecond }: AllowanceOptions['each'], nowMs: number): void {
  const passedMs = Math.max(0, nowMs - bucket.filledAtMs);
  bucket.left = Math.min(burst, bucket.left + (passedMs / 1000) * perSecond);
  bucket.filledAtMs = nowMs;
}

/** One household has 2^64 addresses of IPv6. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  if (tail !== undefined) {
    const after = tail.split(':').filter((group) => group !== '').length;
    while (groups.length < 4 && groups.length + after < 8) groups.push('0');
    groups.push(...tail.split(':'));
  }
  return groups.slice(0, 4).join(':');
}
