/** Where bytes come from, nearest first. */
export const tiers = ['ram', 'disk', 'peer', 'origin'] as const;
type Tier = (typeof tiers)[number];

/** What happened in one tier since the start. Counted in place: a look into memory must not cost more than the look. */
export interface TierCounts {
  hits: number;
  misses: number;
  /** It could not be asked, did not answer, or what it had was damaged. */
  failures: number;
  /** Given by it. */
  bytes: number;
  /** Entries that made room for others. */
  evictions: number;
}

export type CacheCounts = Readonly<Record<Tier, TierCounts>>;

export function createCounts(): CacheCounts {
  const none = () => ({ hits: 0, misses: 0, failures: 0, bytes: 0, evictions: 0 });
  return { ram: none(), disk: none(), peer: none(), origin: none() };
}
