import type { EncodeChunkSchema } from '@kerkis/contracts/transcode/tasks';
import { isKerkisError, toKerkisError } from '@kerkis/errors';
import type { Task } from '@kerkis/events';
import { attemptFailed, type ChunkRecord, claimed, finished, handedBack, released } from '../domain/chunk.ts';
import { failureOf, isFinalFailure } from '../domain/failure.ts';
import { chunkDied, chunkFinished } from '../events.ts';
import type { WorkerObserver } from '../observe.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';
import { type EncodeChunkDependencies, encodeChunk } from './encode-chunk.ts';
import { holdLease, type LeaseDependencies } from './lease.ts';

/** What a worker needs to run chunks. */
export interface RunChunkDependencies extends EncodeChunkDependencies, LeaseDependencies {
  readonly jobs: Pick<JobStore, 'getJob'>;
  readonly chunks: Pick<ChunkStore, 'changeChunk'>;
  readonly workerId: string;
  readonly maxAttempts: number;
  readonly observer: WorkerObserver;
}

/** A task that says to encode a chunk. */
export type ChunkTask = Task<typeof EncodeChunkSchema>;

/**
 * Runs one task: takes the chunk's lease, encodes, commits. The record decides, not the task: a chunk that is finished, cancelled or
 * held by another worker needs nothing, and the task is settled. `stopping` hands the chunk back.
 */
export async function runChunk(
  deps: RunChunkDependencies,
  task: ChunkTask,
  stopping: AbortSignal,
): Promise<void> {
  const { chunkId } = task.message;
  const { chunks, workerId, leaseMs } = deps;
  const record = await chunks.changeChunk(chunkId, (current) => {
    const next = claimed(current, { workerId, leaseMs, now: new Date() });
    return next && { record: next };
  });
  if (!record) {
    task.ack();
    return;
  }
  using _alive = task.keepAlive();
  const attributes = {
    'kerkis.chunk.id': chunkId,
    'kerkis.job.id': record.chunk.jobId,
    'kerkis.asset.id': record.assetId,
    'kerkis.chunk.first_segment': record.chunk.firstSegment,
    'kerkis.chunk.segments': record.chunk.segmentCount,
    'kerkis.chunk.epoch': Number(record.chunk.epoch),
  };
  await task.trace(() => attempt(deps, task, record, stopping), attributes);
}

async function attempt(
  deps: RunChunkDependencies,
  task: ChunkTask,
  record: ChunkRecord,
  stopping: AbortSignal,
): Promise<void> {
  const { chunks, jobs, workerId, observer } = deps;
  const { id, epoch } = record.chunk;
  const startedAt = performance.now();
  const leaving = new AbortController();
  const signals = { lost: false };
  try {
    const job = await jobs.getJob(record.chunk.jobId);
    const encoding = encodeChunk(deps, job, record, task.class === 'urgent', leaving.signal);
    await using lease = holdLease(deps, id, epoch, () => encoding.progress());
    lease.lost.addEventListener('abort', () => {
      signals.lost = true;
      leaving.abort();
    });
    stopping.addEventListener('abort', () => leaving.abort(), { signal: leaving.signal });
    if (stopping.aborted) leaving.abort();
    const result = await encoding.done;
    const committed = await chunks.changeChunk(id, (current) => {
      const next = finished(current, epoch, result, new Date());
      return next && { record: next, events: [chunkFinished(next)] };
    });
    observer.chunkEnded(task.class, committed ? 'finished' : 'lost', performance.now() - startedAt);
    task.ack();
  } catch (error) {
    if (signals.lost) {
      observer.chunkEnded(task.class, 'lost', performance.now() - startedAt);
      await chunks.changeChunk(id, (current) => {
        const next = released(current, workerId, new Date());
        return next && { record: next };
      });
      task.ack();
    } else if (stopping.aborted) {
      await chunks.changeChunk(id, (current) => {
        const next = handedBack(current, epoch, new Date());
        return next && { record: next };
      });
      task.nak(0);
    } else {
      await settleFailure(deps, task, record, error);
    }
  }
}

async function settleFailure(
  { chunks, maxAttempts, observer, logger }: RunChunkDependencies,
  task: ChunkTask,
  { chunk }: ChunkRecord,
  error: unknown,
): Promise<void> {
  const failure = failureOf(error);
  const isFinal = isFinalFailure(error) || chunk.attempts >= maxAttempts;
  await chunks.changeChunk(chunk.id, (current) => {
    const next = attemptFailed(current, chunk.epoch, { failure, isFinal, now: new Date() });
    return next && { record: next, events: isFinal ? [chunkDied(next, failure)] : [] };
  });
  const { cause } = toKerkisError(error);
  logger.warn(
    { chunkId: chunk.id, attempts: chunk.attempts, isFinal, reason: failure.reason, err: error, cause },
    'chunk failed',
  );
  observer.chunkFailed(task.class, isKerkisError(error) ? error.reason : 'INTERNAL');
  if (isFinal) task.ack();
  else task.nak(1000 * 2 ** chunk.attempts);
}
