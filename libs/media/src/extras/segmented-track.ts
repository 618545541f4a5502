import { KerkisError } from '@kerkis/errors';
import { type Box, boxesIn, childAt } from '../cmaf/box.ts';
import type { SegmentRun } from '../plan/grid.ts';

/** A stored track, whose segments can be read as often as they are needed. */
export interface SegmentedTrack {
  readonly init: Uint8Array;
  /** Ticks per second. */
  readonly timescale: number;
  /** Durations of all segments in ticks. */
  readonly segments: readonly SegmentRun[];
  /** Segment `index`, counted from zero. With `maxBytes` no more than so much of its beginning is needed. */
  readonly readSegment: (index: number, maxBytes?: number) => Promise<Uint8Array>;
}

/** How many segments a track has. */
export function segmentCountOf({ segments }: Pick<SegmentedTrack, 'segments'>): number {
  return segments.reduce((sum, { count }) => sum + count, 0);
}

/** Starts of all segments in seconds. */
export function segmentStarts({ segments, timescale }: SegmentedTrack): number[] {
  let ticks = 0;
  return segments.flatMap(({ count, duration }) =>
    Array.from({ length: count }, () => {
      ticks += duration;
      return (ticks - duration) / timescale;
    }),
  );
}

/** The two boxes of a stored segment that count. Throws KerkisError `data_loss` STORED_SEGMENT_INVALID. */
export function fragmentOf(bytes: Uint8Array, index: number): { moof: Box; mdat: Box } {
  return checked(index, () => {
    const boxes = boxesIn(asBuffer(bytes));
    const moof = boxes.find(({ type }) => type === 'moof');
    const mdat = boxes.find(({ type }) => type === 'mdat');
    if (moof === undefined || mdat === undefined) throw invalidSegment(index);
    return { moof, mdat };
  });
}

/** Runs something that reads a stored segment; broken boxes are KerkisError `data_loss` STORED_SEGMENT_INVALID. */
export function checked<T>(index: number, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw invalidSegment(index, cause);
  }
}

/** KerkisError `data_loss` STORED_SEGMENT_INVALID. */
export function invalidSegment(index: number, cause?: unknown): KerkisError {
  return new KerkisError(
    'data_loss',
    'STORED_SEGMENT_INVALID',
    `Stored segment ${index} is not what was put there. Encode the asset again.`,
    { cause },
  );
}

/** The `moov` of an init segment. Throws KerkisError `internal` BOX_MISSING or BOX_INVALID. */
export function moovOf(init: Uint8Array): Box {
  return childAt(asBuffer(init), 'moov');
}

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
