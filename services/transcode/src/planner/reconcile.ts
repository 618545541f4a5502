import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import type { ObjectStore } from '@kerkis/objects';
import type { Logger } from '@kerkis/telemetry';
import { type ChunkRecord, forsaken, requeued } from '../domain/chunk.ts';
import { archived } from '../domain/job.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { DeletionStore } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';
import { type DeleteMediaDependencies, deleteMedia, prefixOf } from './delete-media.ts';
import { cleanUpJob, type EndJobDependencies } from './end-job.ts';
import type { PublishChunk } from './fill-queue.ts';
import { type LeaveHardwareDependencies, leaveHardware } from './leave-hardware.ts';

/** What the reconciler stands on. */
export interface ReconcileDependencies
  extends DeleteMediaDependencies,
    EndJobDependencies,
    LeaveHardwareDependencies {
  readonly jobs: DeleteMediaDependencies['jobs'] &
    LeaveHardwareDependencies['jobs'] &
    Pick<JobStore, 'findFinished' | 'findToCleanUp' | 'findUnchanged'>;
  readonly objects: Pick<ObjectStore, 'deletePrefix'>;
  readonly chunks: DeleteMediaDependencies['chunks'] &
    LeaveHardwareDependencies['chunks'] &
    Pick<ChunkStore, 'findUnchanged'>;
  readonly deletions: DeleteMediaDependencies['deletions'] &
    Pick<DeletionStore, 'openDeletions' | 'doneBefore' | 'forget'>;
  readonly publish: PublishChunk;
  /** Whether the task of a chunk still is in the work queue. */
  readonly isInQueue: (record: ChunkRecord) => Promise<boolean>;
  readonly countJob: (jobId: string) => Promise<void>;
  /** Plans a job in the background; false when there is no room. */
  readonly planSoon: (jobId: string) => boolean;
  readonly logger: Logger;
  /** How long something may rest before it counts as stuck, milliseconds. */
  readonly staleMs: number;
  /** How long finished jobs are listed, and their chunks kept, milliseconds. */
  readonly keepFinishedMs: number;
  /** How long it is remembered that media was deleted, milliseconds: longer than any event about it is kept. */
  readonly keepDeletionsMs: number;
}

const batch = 200;

/** Wakes up everything that is unfinished and does not move. Returns how much that was. */
export async function reconcile(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const steps = [republishQueued, moveJobs, leaveMissingHardware, finishCleanUps, finishDeletions, forgetOld];
  let woken = 0;
  for (const step of steps) {
    if (signal.aborted) break;
    woken += await step(deps, signal).catch((err: unknown) => {
      deps.logger.warn({ err, step: step.name }, 'reconciler could not do a step');
      return 0;
    });
  }
  return woken;
}

/** One that fails must not hold up all others, at this turn and each next one. */
async function each<T>(
  { logger }: ReconcileDependencies,
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<unknown>,
): Promise<number> {
  let done = 0;
  for (const item of items) {
    if (signal.aborted) break;
    try {
      if (await work(item)) done++;
    } catch (err) {
      logger.warn({ err }, 'reconciler could not wake up one of many');
    }
  }
  return done;
}

/** Chunks say that they are queued, but the queue has no such task: it was wiped, or the planner died between the two writes. */
async function republishQueued(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const { chunks, publish, isInQueue, staleMs } = deps;
  const resting = await chunks.findUnchanged(ChunkState.QUEUED, new Date(Date.now() - staleMs), batch);
  return await each(deps, resting, signal, async (record) => {
    if (forsaken(record, new Date())) return await cancelForsaken(deps, record);
    const isThere = await isInQueue(record);
    // Changed in the record either way, so that the next turn looks at others.
    const touched = await chunks.changeChunk(record.chunk.id, (current) => {
      const next = requeued(current, new Date());
      return next && { record: next };
    });
    if (isThere || !touched) return false;
    await publish(touched, `${touched.chunk.epoch}-${Date.now()}`);
    return true;
  });
}

/** Its task is dropped by whoever takes it. */
async function cancelForsaken({ chunks }: ReconcileDependencies, { chunk }: ChunkRecord): Promise<boolean> {
  const ended = await chunks.changeChunk(chunk.id, (current) => {
    const next = forsaken(current, new Date());
    return next && { record: next };
  });
  return ended !== undefined;
}

async function moveJobs(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const before = new Date(Date.now() - deps.staleMs);
  const running = await deps.jobs.findUnchanged(JobState.RUNNING, before, batch);
  await each(deps, running, signal, ({ job }) => deps.countJob(job.id));
  const pending = await deps.jobs.findUnchanged(JobState.PENDING, before, batch);
  return pending.filter(({ job }) => deps.planSoon(job.id)).length;
}

async function leaveMissingHardware(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const records = await deps.jobs.findInHardware(batch);
  return await each(deps, records, signal, (record) => leaveHardware(deps, record));
}

async function finishCleanUps(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const records = await deps.jobs.findToCleanUp(batch);
  return await each(deps, records, signal, async ({ job }) => {
    const isDone = await cleanUpJob(deps, job.id);
    if (isDone && job.state === JobState.PENDING) deps.planSoon(job.id);
    return isDone;
  });
}

async function finishDeletions(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const open = await deps.deletions.openDeletions(batch);
  return await each(deps, open, signal, (media) => deleteMedia(deps, media));
}

async function forgetOld(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const { jobs, chunks, deletions, objects, keepFinishedMs, keepDeletionsMs } = deps;
  const gone = await deletions.doneBefore(new Date(Date.now() - keepDeletionsMs), batch);
  await each(deps, gone, signal, async (media) => {
    // A worker that was frozen when the media was deleted may have finished one write later.
    await objects.deletePrefix(prefixOf(media));
    await deletions.forget(media);
  });
  const old = await jobs.findFinished(new Date(Date.now() - keepFinishedMs), batch);
  await each(deps, old, signal, async ({ job }) => {
    for await (const { chunk } of chunks.chunksOf(job.id)) await chunks.removeChunk(chunk.id);
    return await jobs.changeJob(job.id, (current) => {
      const next = archived(current);
      return next && { record: next };
    });
  });
  // Nothing of it stood still.
  return 0;
}
