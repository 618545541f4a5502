import { setTimeout as sleep } from 'node:timers/promises';
import type { HandlerContext } from '@connectrpc/connect';
import { type EnsureSegmentRequest, JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { hurried } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import { initKey, segmentKey } from '../domain/segment-keys.ts';
import type { PublishChunk } from '../planner/fill-queue.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What EnsureSegment needs. */
export interface EnsureSegmentDependencies {
  readonly jobs: Pick<JobStore, 'findByGeneration' | 'getJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'changeChunk'>;
  readonly objects: Pick<ObjectStore, 'head'>;
  readonly publish: PublishChunk;
}

const maxWaitMs = 60_000;
const pollMs = 150;
/** A chunk may go back into the queue, or come into being, while somebody waits for it: it is hurried again and again. */
const hurryMs = 1_000;

export async function ensureSegment(
  deps: EnsureSegmentDependencies,
  { generationId, track, segment }: EnsureSegmentRequest,
  { signal, timeoutMs }: Pick<HandlerContext, 'signal' | 'timeoutMs'>,
): Promise<{ objectKey: string }> {
  const record = await requireJob(deps.jobs, generationId);
  requirePlanned(record, track, segment);
  const objectKey = segment === 0 ? initKey(record.job, track) : segmentKey(record.job, track, segment);
  const deadline = Date.now() + Math.min(maxWaitMs, timeoutMs() ?? maxWaitMs) - pollMs;
  if (await deps.objects.head(objectKey)) return { objectKey };
  for (let now = record, hurriedAt = 0; Date.now() < deadline && !signal.aborted; ) {
    if (Date.now() - hurriedAt >= hurryMs) {
      hurriedAt = Date.now();
      await hurry(deps, now, track, Math.max(1, segment));
    }
    await sleep(pollMs, undefined, { signal }).catch(() => {});
    const isEnded = now.job.state === JobState.FINISHED;
    if (await deps.objects.head(objectKey)) return { objectKey };
    // Looked for after the job had ended: it will not come any more.
    if (isEnded) throw lost(objectKey);
    now = requireRunning(await deps.jobs.getJob(record.job.id));
  }
  throw new KerkisError(
    'deadline',
    'SEGMENT_NOT_READY_IN_TIME',
    'The segment is not encoded yet. Ask again.',
    {
      details: { generationId, track, segment: String(segment) },
    },
  );
}

/** Moves the chunk that makes the segment to the front of the queue. */
async function hurry(
  { chunks, publish }: EnsureSegmentDependencies,
  { job, run }: JobRecord,
  track: string,
  segment: number,
): Promise<void> {
  for await (const { chunk } of chunks.chunksOf(job.id, run)) {
    const isInside = segment >= chunk.firstSegment && segment < chunk.firstSegment + chunk.segmentCount;
    if (!isInside || !chunk.tracks.includes(track)) continue;
    const record = await chunks.changeChunk(chunk.id, (current) => {
      const next = hurried(current, new Date());
      return next && { record: next };
    });
    if (record) await publish(record, `${record.chunk.epoch}-urgent`);
    return;
  }
}

const lost = (objectKey: string) =>
  new KerkisError('data_loss', 'SEGMENT_LOST', 'The segment was stored and is not there any more.', {
    details: { objectKey },
  });

async function requireJob(
  jobs: Pick<JobStore, 'findByGeneration'>,
  generationId: string,
): Promise<JobRecord> {
  const record = await jobs.findByGeneration(generationId);
  if (record) return requireRunning(record);
  throw new KerkisError('not_found', 'GENERATION_NOT_FOUND', 'There is no job for this generation.', {
    details: { generationId },
  });
}

function requireRunning(record: JobRecord): JobRecord {
  const { state, failure } = record.job;
  if (state !== JobState.FAILED && state !== JobState.CANCELLED) return record;
  throw new KerkisError(
    'precondition',
    'JOB_ENDED',
    'The job that would make this segment ended without success.',
    {
      details: { reason: failure?.reason ?? '', state: JobState[state] },
    },
  );
}

function requirePlanned({ tracks, job }: JobRecord, track: string, segment: number): void {
  if (job.state === JobState.PENDING) {
    throw new KerkisError('unavailable', 'JOB_NOT_PLANNED_YET', 'The job is not planned yet. Ask again.');
  }
  const planned = tracks.find(({ name }) => name === track);
  if (planned && segment <= (job.grid?.segmentCount ?? 0)) return;
  throw new KerkisError('not_found', 'SEGMENT_NOT_IN_PLAN', 'The generation has no such track or segment.', {
    details: { track, segment: String(segment) },
  });
}
