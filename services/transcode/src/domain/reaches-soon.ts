import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import type { ChunkRecord } from './chunk.ts';

/** A segment that somebody waits for. */
export interface WantedSegment {
  readonly track: string;
  /** Counted from 1. */
  readonly segment: number;
  readonly segmentSeconds: number;
  readonly now: Date;
}

/** To wait so long for a chunk in work is better than to begin another one. */
const soonSeconds = 3;
/** Running chunks write their progress every second; one that did not has no worker any more, as far as one can tell. */
const silentMs = 3_000;

/** Whether it is said to run, and yet its worker seems to be gone. */
export const isSilent = ({ chunk, changedAt }: ChunkRecord, now: Date): boolean =>
  chunk.state === ChunkState.RUNNING && now.getTime() - changedAt.getTime() > silentMs;

/**
 * Whether a planned chunk that covers the segment will have it in a moment: because it runs and is nearly there, or because the
 * segment is the first one of a head, which is as quick as a chunk made for it.
 */
export function reachesSoon(
  record: ChunkRecord,
  { track, segment, segmentSeconds, now }: WantedSegment,
): boolean {
  const { chunk, progress } = record;
  const before = segment - chunk.firstSegment - (progress.stored[track] ?? 0);
  const isAlone = chunk.tracks.length === 1;
  if (chunk.state === ChunkState.RUNNING) {
    if (isSilent(record, now)) return false;
    if (progress.speed > 0) return ((before + 1) * segmentSeconds) / progress.speed <= soonSeconds;
    return isAlone && before <= 0;
  }
  const waits = chunk.state === ChunkState.PENDING || chunk.state === ChunkState.QUEUED;
  return waits && isAlone && before <= 0 && chunk.class !== ChunkClass.BULK;
}
