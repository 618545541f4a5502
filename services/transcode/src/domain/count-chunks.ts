import { type Track, TrackKind } from '@kerkis/contracts/media';
import { ChunkState } from '@kerkis/contracts/transcode';
import type { ChunkRecord } from './chunk.ts';
import { measuredTrack } from './measure-tracks.ts';

/** What the chunks of a job say about it. */
export interface JobCount {
  readonly finishedChunks: number;
  /** Places of these in the order of the plan. */
  readonly finishedOrders: readonly number[];
  /** Stored segments of finished chunks, by track. */
  readonly finishedSegments: ReadonlyMap<string, number>;
  /** Tracks whose every segment is stored, with measured bitrates. */
  readonly completeTracks: readonly Track[];
  /** Times that any chunk was given out again. */
  readonly retries: number;
}

/**
 * Counts a job from the records of its chunks of segments. Extra ones count for nothing: the plan makes their segments too.
 */
export function countChunks(tracks: readonly Track[], records: readonly ChunkRecord[]): JobCount {
  const chunks = records.filter(({ extra, side }) => !extra && !side);
  const finished = chunks.filter(({ chunk }) => chunk.state === ChunkState.FINISHED);
  const finishedSegments = new Map<string, number>();
  for (const { chunk } of finished) {
    for (const track of chunk.tracks) {
      finishedSegments.set(track, (finishedSegments.get(track) ?? 0) + chunk.segmentCount);
    }
  }
  return {
    finishedChunks: finished.length,
    finishedOrders: finished.map(({ order }) => order),
    finishedSegments,
    completeTracks: tracks
      .filter(({ kind }) => kind !== TrackKind.TEXT)
      .map((track) => measuredTrack(track, finished))
      .filter((track) => track !== undefined),
    retries: chunks.reduce((total, { chunk }) => total + Math.max(0, chunk.attempts - 1), 0),
  };
}
