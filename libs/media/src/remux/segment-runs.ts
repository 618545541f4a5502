import type { SegmentRun } from '../plan/grid.ts';
import type { CopyableVideo } from '../probe/source-info.ts';

/** Where a track begins and ends, and how long segments should be, in its ticks. */
export interface CutOptions {
  /** How long after the start of the presentation its first frame comes. */
  readonly leadTicks: number;
  /** Length of the presentation. */
  readonly endTicks: number;
  readonly segmentTicks: number;
}

/** Segments of a track. */
export interface Cut {
  readonly segments: readonly SegmentRun[];
  readonly longestTicks: number;
  readonly peakBitrateBps: number;
  readonly averageBitrateBps: number;
}

/** What a segment takes besides its samples, and each of its samples in its index. */
const headerBytes = 140;
const indexBytesPerFrame = 16;

/**
 * Cuts a track into segments of whole groups of pictures, each as near to `segmentTicks` as can be. The first one begins with the
 * presentation and the last one ends with it.
 */
export function cutAtKeyframes(video: CopyableVideo, { leadTicks, endTicks, segmentTicks }: CutOptions): Cut {
  const { gopTicks, gopBytes, timescale, frameCount } = video;
  const startOf = (gop: number) => (gop === 0 ? 0 : (gopTicks[gop] ?? 0) + leadTicks);
  const endOf = (gop: number) => (gop + 1 < gopTicks.length ? startOf(gop + 1) : endTicks);
  const segments: { count: number; duration: number }[] = [];
  const bytesPerTick = (frameCount * indexBytesPerFrame) / Math.max(1, endTicks);
  let longestTicks = 0;
  let peak = 0;
  let total = 0;
  for (let gop = 0; gop < gopTicks.length; gop++) {
    const start = startOf(gop);
    let bytes = headerBytes + (gopBytes[gop] ?? 0);
    while (gop + 1 < gopTicks.length && isNearer(endOf(gop + 1) - start, endOf(gop) - start, segmentTicks)) {
      gop++;
      bytes += gopBytes[gop] ?? 0;
    }
    const duration = endOf(gop) - start;
    bytes += duration * bytesPerTick;
    const last = segments.at(-1);
    if (last?.duration === duration) last.count++;
    else segments.push({ count: 1, duration });
    longestTicks = Math.max(longestTicks, duration);
    // A short rest at the end says nothing about the rate.
    if (duration * 2 >= segmentTicks || segments.length === 1) peak = Math.max(peak, bytes / duration);
    total += bytes;
  }
  const average = total / Math.max(1, endTicks);
  return {
    segments,
    longestTicks,
    peakBitrateBps: Math.ceil(Math.max(peak, average) * 8 * timescale),
    averageBitrateBps: Math.ceil(average * 8 * timescale),
  };
}

function isNearer(longer: number, shorter: number, wanted: number): boolean {
  return Math.abs(longer - wanted) < Math.abs(shorter - wanted);
}
