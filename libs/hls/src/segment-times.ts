import type { Track } from './presentation.ts';

/** One segment of a track. */
export interface SegmentTime {
  /** Counted from 1. */
  readonly number: number;
  /** `EXTINF` and its value with six decimals. */
  readonly tag: string;
}

/** A whole number of microseconds as decimal seconds with six places. */
function seconds(microseconds: number): string {
  return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`;
}

/**
 * All segments of a track in order. Each EXTINF is the difference of two rounded times, so that their sum is the track's length to the
 * microsecond, however many segments there are.
 */
export function* segmentTimes(track: Track): Generator<SegmentTime> {
  let number = 1;
  let endTicks = 0;
  let startUs = 0;
  for (const run of track.segments) {
    for (let i = 0; i < run.count; i++) {
      endTicks += run.duration;
      const endUs = Math.round((endTicks / track.timescale) * 1e6);
      yield { number, tag: `#EXTINF:${seconds(endUs - startUs)},` };
      startUs = endUs;
      number += 1;
    }
  }
}
