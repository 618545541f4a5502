import { ChunkClass } from '@kerkis/contracts/transcode';
import { type MediaPlan, toNumber } from '@kerkis/media';
import { audioTrackName, videoTrackName } from './tracks.ts';

/** One chunk of a plan. */
export interface PlannedChunk {
  readonly tracks: readonly string[];
  /** Counted from 1. */
  readonly firstSegment: number;
  readonly segmentCount: number;
  readonly class: ChunkClass;
  readonly makesPoster: boolean;
}

/** Video seconds in the first chunk of an asset: short, so that playback starts early. */
const headSeconds = 8;
/** Audio costs little, so its chunks are longer than those of video by this factor. */
const audioFactor = 10;

/**
 * The chunks of a plan, in the order in which they are given out: first the head of each track, then the rest along time. A video
 * chunk makes all rungs from one decode; each audio track has chunks of its own.
 */
export function planChunks({ grid, ladder }: MediaPlan, chunkSeconds: number): PlannedChunk[] {
  const segmentSeconds = toNumber(grid.segmentSeconds);
  const segmentsIn = (seconds: number) => Math.max(1, Math.round(seconds / segmentSeconds));
  const video = ladder.video.map(videoTrackName);
  const chunks = [
    ...(video.length > 0
      ? cut(video, grid.segmentCount, segmentsIn(headSeconds), segmentsIn(chunkSeconds))
      : []),
    ...ladder.audio.flatMap((rung) => {
      const head = segmentsIn(headSeconds * audioFactor);
      return cut([audioTrackName(rung)], grid.segmentCount, head, segmentsIn(chunkSeconds * audioFactor));
    }),
  ];
  const ordered = chunks.toSorted((a, b) => a.class - b.class || a.firstSegment - b.firstSegment);
  return ordered.map((chunk, order) => ({ ...chunk, makesPoster: order === 0 }));
}

function cut(tracks: readonly string[], segmentCount: number, head: number, rest: number) {
  const chunks: Omit<PlannedChunk, 'makesPoster'>[] = [];
  for (let first = 1; first <= segmentCount; ) {
    const isHead = first === 1;
    const count = Math.min(isHead ? head : rest, segmentCount - first + 1);
    const kind = isHead ? ChunkClass.HEAD : ChunkClass.BULK;
    chunks.push({ tracks, firstSegment: first, segmentCount: count, class: kind });
    first += count;
  }
  return chunks;
}
