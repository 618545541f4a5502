import type { IndexedTrack } from '../probe/mp4/mp4-index.ts';
import { sortTimes } from '../probe/time-steps.ts';

/** Groups of pictures of a track whose every group is closed. */
export interface Gops {
  /** Number of the sync sample that each begins with. */
  readonly first: Uint32Array;
  /** How far decoding must be ahead of presentation, in ticks. */
  readonly reorderTicks: number;
}

/**
 * The groups of pictures; undefined unless every sample is presented, at a time of its own, and none before the sync sample of its
 * group or after that of the next.
 */
export function readGops({ table, presented }: IndexedTrack): Gops | undefined {
  const { count, sync } = table;
  const { times } = presented;
  if (sync[0] !== 1) return undefined;
  let gops = 0;
  for (let i = 0; i < count; i++) gops += sync[i] as number;
  const first = new Uint32Array(gops);
  for (let i = 0, gop = 0; i < count; i++) if (sync[i] === 1) first[gop++] = i;
  let reorderTicks = 0;
  for (let gop = 0; gop < gops; gop++) {
    const start = first[gop] as number;
    const end = gop + 1 < gops ? (first[gop + 1] as number) : count;
    const sorted = sortTimes(times.slice(start, end));
    const next = gop + 1 < gops ? (times[end] as number) : Number.POSITIVE_INFINITY;
    if (sorted[0] !== times[start] || !((sorted.at(-1) as number) < next)) return undefined;
    for (let i = 1; i < sorted.length; i++)
      if (!((sorted[i] as number) > (sorted[i - 1] as number))) return undefined;
    for (let i = 0; i < sorted.length; i++) {
      reorderTicks = Math.max(reorderTicks, (sorted[i] as number) - (times[start + i] as number));
    }
  }
  return { first, reorderTicks };
}
