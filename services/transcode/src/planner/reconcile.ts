import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import type { QueueLag, TaskClass } from '@kerkis/events';
import { abandoned } from '../domain/chunk.ts';
import { chunkDied } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { DeletionStore } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';
import { type DeleteMediaDependencies, deleteMedia } from './delete-media.ts';
import { cleanUpJob, type EndJobDependencies } from './end-job.ts';
import { type PublishChunk, taskClassOf } from './fill-queue.ts';

/** What the reconciler stands on. */
export interface ReconcileDependencies extends DeleteMediaDependencies, EndJobDependencies {
  readonly jobs: DeleteMediaDependencies['jobs'] & Pick<JobStore, 'findToCleanUp' | 'findUnchanged'>;
  readonly chunks: DeleteMediaDependencies['chunks'] & Pick<ChunkStore, 'findUnchanged'>;
  readonly deletions: DeleteMediaDependencies['deletions'] & Pick<DeletionStore, 'openDeletions' | 'forget'>;
  readonly publish: PublishChunk;
  readonly queueLag: () => Promise<Record<TaskClass, QueueLag>>;
  readonly countJob: (jobId: string) => Promise<void>;
  readonly planJob: (jobId: string, signal: AbortSignal) => Promise<void>;
  readonly maxAttempts: number;
  /** How long something may rest before it counts as stuck, milliseconds. */
  readonly staleMs: number;
  /** How long records of finished jobs are kept, milliseconds. */
  readonly keepFinishedMs: number;
}

const batch = 200;
const keepDeletionsMs = 7 * 86_400_000;

/** Wakes up everything that is unfinished and does not move. Returns how much that was. */
export async function reconcile(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const steps = [requeueAbandoned, republishQueued, moveJobs, finishCleanUps, finishDeletions, forgetOld];
  let woken = 0;
  for (const step of steps) {
    if (signal.aborted) break;
    woken += await step(deps, signal);
  }
  return woken;
}

const workerLost = create(FailureSchema, {
  reason: 'WORKER_LOST',
  message:
    'Each worker that took this chunk went silent. Look for killed workers and for lack of memory, then retry.',
});

async function requeueAbandoned({ chunks, publish, maxAttempts }: ReconcileDependencies): Promise<number> {
  let count = 0;
  // A lease is at most as old as the record's last change, so all that could be over are among these.
  for (const { chunk } of await chunks.findUnchanged(ChunkState.RUNNING, new Date(), batch)) {
    const record = await chunks.changeChunk(chunk.id, (current) => {
      const next = abandoned(current, { maxAttempts, failure: workerLost, now: new Date() });
      if (!next) return undefined;
      const events = next.chunk.state === ChunkState.DEAD ? [chunkDied(next, workerLost)] : [];
      return { record: next, events };
    });
    if (!record) continue;
    count++;
    if (record.chunk.state === ChunkState.QUEUED) await publish(record, `${record.chunk.epoch}`);
  }
  return count;
}

/** Chunks say that they are queued, but the queue is empty: it was wiped, or the planner died between the two writes. */
async function republishQueued({
  chunks,
  publish,
  queueLag,
  staleMs,
}: ReconcileDependencies): Promise<number> {
  const resting = await chunks.findUnchanged(ChunkState.QUEUED, new Date(Date.now() - staleMs), batch);
  if (resting.length === 0) return 0;
  const lag = await queueLag();
  const lost = resting.filter((record) => lag[taskClassOf(record)].pending === 0);
  for (const record of lost) {
    // Changed in the record, so that it is not published again at the next turn.
    const touched = await chunks.changeChunk(record.chunk.id, (current) =>
      current.chunk.state === ChunkState.QUEUED
        ? { record: { ...current, changedAt: new Date() } }
        : undefined,
    );
    if (touched) await publish(touched, `${touched.chunk.epoch}-${Date.now()}`);
  }
  return lost.length;
}

async function moveJobs(deps: ReconcileDependencies, signal: AbortSignal): Promise<number> {
  const before = new Date(Date.now() - deps.staleMs);
  const running = await deps.jobs.findUnchanged(JobState.RUNNING, before, batch);
  for (const { job } of running) await deps.countJob(job.id);
  const pending = await deps.jobs.findUnchanged(JobState.PENDING, before, batch);
  for (const { job } of pending) await deps.planJob(job.id, signal);
  return pending.length;
}

async function finishCleanUps(deps: ReconcileDependencies): Promise<number> {
  const records = await deps.jobs.findToCleanUp(batch);
  for (const record of records) await cleanUpJob(deps, record);
  return records.length;
}

async function finishDeletions(deps: ReconcileDependencies): Promise<number> {
  const assetIds = await deps.deletions.openDeletions(batch);
  for (const assetId of assetIds) await deleteMedia(deps, assetId);
  return assetIds.length;
}

async function forgetOld({
  jobs,
  chunks,
  deletions,
  keepFinishedMs,
}: ReconcileDependencies): Promise<number> {
  await deletions.forget(new Date(Date.now() - keepDeletionsMs));
  const old = await jobs.findUnchanged(JobState.FINISHED, new Date(Date.now() - keepFinishedMs), batch);
  for (const { job } of old) {
    for await (const { chunk } of chunks.chunksOf(job.id)) await chunks.removeChunk(chunk.id);
    await jobs.removeJob(job.id);
  }
  return old.length;
}
