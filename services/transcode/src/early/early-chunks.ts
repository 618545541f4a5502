import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { create } from '@bufbuild/protobuf';
import { ChunkClass, ChunkSchema, ChunkState } from '@kerkis/contracts/transcode';
import { type MediaPlan, unitFingerprint } from '@kerkis/media';
import { type ChunkRecord, noProgress } from '../domain/chunk.ts';
import { type SegmentsOfTracks, unitsOf } from '../domain/chunk-units.ts';
import { encodersFor } from '../domain/hardware-need.ts';
import type { JobRecord } from '../domain/job.ts';
import { plannedChunkId } from '../domain/new-chunk.ts';
import { chunksNow } from '../domain/per-title.ts';
import type { PlannedChunk } from '../domain/plan-chunks.ts';
import { secondsBetween, segmentCountOf, trackRuns } from '../domain/track-runs.ts';
import { videoTrackName } from '../domain/tracks.ts';
import { asJob, type EarlyJob, earlyJobId } from './early-job.ts';

/** An asset as short as this is made in no time. */
const shortSeconds = 30;

/**
 * The chunks of which every byte that they are made of is there, in the order in which they are given out. What a longer source would cut in
 * another way is left out, and so is what would be made in hardware, or is copied in no time.
 */
export function readyChunks(job: EarlyJob): PlannedChunk[] {
  const { early } = job;
  if (!early || early.plan.source.durationSeconds <= shortSeconds) return [];
  const { plan, needs, readySeconds } = early;
  const runs = trackRuns(plan);
  const remuxed = plan.ladder.remux && videoTrackName(plan.ladder.remux);
  return chunksNow(asJob(job)).filter(({ tracks, firstSegment, segmentCount }) => {
    const lane = runs.get(tracks[0] ?? '');
    if (!lane || tracks[0] === remuxed || encodersFor(plan, tracks).length > 0) return false;
    const end = firstSegment + segmentCount;
    const isLast = end > segmentCountOf(lane.runs);
    // The last one also shows what comes after its pictures: nothing.
    if (isLast && !needs) return false;
    return secondsBetween(lane, 1, end - 1) <= readySeconds;
  });
}

/** Id of the chunk that was made early in place of a planned one of the job of this upload. */
export const earlyChunkId = (
  uploadId: string,
  planned: Pick<PlannedChunk, 'tracks' | 'firstSegment'>,
): string => plannedChunkId({ job: { id: earlyJobId(uploadId) }, run: 1 }, planned);

/** A chunk of early work on its way into the queue. */
export function earlyChunk(job: EarlyJob, planned: PlannedChunk, fingerprint: string): ChunkRecord {
  const { tracks, firstSegment, segmentCount, order } = planned;
  return {
    chunk: create(ChunkSchema, {
      id: earlyChunkId(job.uploadId, planned),
      jobId: job.id,
      tracks: [...tracks],
      ...{ firstSegment, segmentCount },
      // The very first one is a single segment, and is made with as many threads as if somebody waited for it.
      class: order === 0 ? ChunkClass.HEAD : ChunkClass.BULK,
      state: ChunkState.QUEUED,
    }),
    assetId: job.assetId,
    generationId: job.generationId,
    run: 1,
    order,
    extra: false,
    fingerprint,
    progress: noProgress,
    measured: {},
    changedAt: new Date(),
  };
}

/**
 * Names what a chunk is made by and of: the settings of each encoder, where its segments begin, and the file. A source keeps its file
 * from its first byte to its last; where it was copied, or came anew, it is another one.
 */
export async function chunkFingerprint(
  plan: MediaPlan,
  chunk: SegmentsOfTracks,
  sourcePath: string,
): Promise<string> {
  const { ino, birthtimeNs } = await stat(sourcePath, { bigint: true });
  const units = unitsOf(plan, chunk).map((unit) => unitFingerprint(plan, unit));
  const made = JSON.stringify([`${ino}`, `${birthtimeNs}`, chunk.tracks, units]);
  return createHash('sha256').update(made).digest('hex');
}

/** Whether a chunk is of early work. */
export const isEarly = ({ growing }: Pick<JobRecord, 'growing'>): boolean => growing !== undefined;
