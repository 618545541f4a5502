import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import type { EncodeChunkSchema } from '@kerkis/contracts/transcode/tasks';
import { isKerkisError, toKerkisError } from '@kerkis/errors';
import type { Task, TaskClass } from '@kerkis/events';
import type { Hardware } from '@kerkis/media';
import {
  attemptFailed,
  type ChunkRecord,
  type ChunkResult,
  claimed,
  dropped,
  finished,
  handedBack,
  noProgress,
  released,
} from '../domain/chunk.ts';
import { deathOf, failureOf, isFinalFailure } from '../domain/failure.ts';
import type { JobRecord } from '../domain/job.ts';
import { chunkDied, chunkFinished } from '../events.ts';
import type { WorkerObserver } from '../observe.ts';
import type { ChunkChange, ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';
import {
  type ChunkEncoding,
  type EncodeChunkDependencies,
  type EncodePriority,
  type Encoder,
  encodeChunk,
} from './encode-chunk.ts';
import { holdLease, type LeaseDependencies } from './lease.ts';
import { type RunSideDependencies, runSide } from './side/run-side.ts';

/** What a worker needs to run chunks. */
export interface RunChunkDependencies
  extends EncodeChunkDependencies,
    RunSideDependencies,
    LeaseDependencies {
  readonly encoder: Encoder;
  readonly objects: EncodeChunkDependencies['objects'] & RunSideDependencies['objects'];
  readonly jobs: Pick<JobStore, 'findJob'>;
  readonly chunks: Pick<ChunkStore, 'changeChunk' | 'removeChunk'>;
  readonly workerId: string;
  readonly maxAttempts: number;
  readonly observer: WorkerObserver;
  /** Encoders in hardware that work here. */
  readonly hardware: Pick<Hardware, 'encoders'>;
}

/** A task that says to encode a chunk. */
export type ChunkTask = Task<typeof EncodeChunkSchema>;

/** How an attempt ended. Nothing of it is written any more. */
type Outcome =
  | {
      readonly kind: 'stored';
      readonly result: ChunkResult;
      readonly speed: number;
    }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'lost' | 'stopped' | 'unwanted' | 'orphaned' };

/**
 * Runs one task: takes the chunk's lease, encodes, commits. The record decides, not the task: a chunk that is finished, cancelled or
 * held by another worker needs nothing, and the task is settled. One that needs hardware which is not here is left to others, and no
 * attempt is counted. `stopping` hands the chunk back.
 */
export async function runChunk(
  deps: RunChunkDependencies,
  task: ChunkTask,
  stopping: AbortSignal,
): Promise<void> {
  const { chunkId } = task.message;
  const { chunks, workerId, leaseMs, hardware } = deps;
  const here: readonly string[] = hardware.encoders;
  let isForOthers = false;
  const record = await chunks.changeChunk(chunkId, (current) => {
    const next = claimed(current, { workerId, leaseMs, now: new Date() });
    isForOthers = next?.chunk.encoders.some((encoder) => !here.includes(encoder)) === true;
    return next && !isForOthers ? { record: next } : undefined;
  });
  if (!record) {
    if (isForOthers) task.nak(task.class === 'bulk' ? leaveMs : leaveSoonMs);
    else task.ack();
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
    'kerkis.chunk.tracks': [...record.chunk.tracks],
    'kerkis.chunk.class': task.class,
    'kerkis.chunk.extra': record.extra,
    'kerkis.chunk.attempt': record.chunk.attempts,
    ...(record.side
      ? { 'kerkis.side.kind': record.side.kind }
      : { 'kerkis.encoder': record.chunk.encoders.join(',') || 'software' }),
  };
  await task.trace(async (span) => {
    const startedAt = performance.now();
    const outcome = await attempt(deps, task, record, stopping);
    const settled = await settle(deps, task, record, outcome);
    span.setAttribute('kerkis.chunk.outcome', outcome.kind);
    if (outcome.kind === 'stored' && outcome.speed > 0) {
      span.setAttribute('kerkis.chunk.speed', outcome.speed);
      deps.observer.chunkSpeed(task.class, outcome.speed);
    }
    const took = performance.now() - startedAt;
    if (settled) deps.observer.chunkEnded(task.class, kindOf(record), settled, took);
  }, attributes);
}

async function attempt(
  deps: RunChunkDependencies,
  task: ChunkTask,
  record: ChunkRecord,
  stopping: AbortSignal,
): Promise<Outcome> {
  let encoding: ChunkEncoding | undefined;
  using lease = holdLease(deps, record, () => encoding?.progress() ?? noProgress);
  try {
    const job = await deps.jobs.findJob(record.chunk.jobId);
    if (!job) return { kind: 'orphaned' };
    if (!isWanted(job, record)) return { kind: 'unwanted' };
    const run = record.side ? runSide : encodeChunk;
    encoding = run(deps, job, record, {
      priority: priorityOf(task.class, record),
      signal: AbortSignal.any([stopping, lease.lost]),
      assertHeld: () => lease.assertHeld(),
    });
    const result = await encoding.done;
    return { kind: 'stored', result, speed: encoding.progress().speed };
  } catch (error) {
    if (lease.lost.aborted) return { kind: 'lost' };
    return stopping.aborted ? { kind: 'stopped' } : { kind: 'failed', error };
  }
}

/** Side work that somebody waits for is done also when everything else is. */
function isWanted({ job, run }: JobRecord, record: ChunkRecord): boolean {
  if (run !== record.run) return false;
  const isAskedFor = record.extra && record.side !== undefined;
  return job.state === JobState.RUNNING || (job.state === JobState.FINISHED && isAskedFor);
}

/** The very first chunk of an asset is what its first viewer waits for, and then its sound. */
function priorityOf(taskClass: TaskClass, { order, chunk, side }: ChunkRecord): EncodePriority {
  if (taskClass === 'urgent' || (taskClass === 'head' && order === 0)) return 'now';
  const isSound = !side && chunk.tracks.every((track) => track.startsWith('audio/'));
  return taskClass === 'head' && isSound ? 'soon' : 'later';
}

/** Writes the outcome into the record, as far as this worker still may, and settles the task. */
async function settle(
  deps: RunChunkDependencies,
  task: ChunkTask,
  record: ChunkRecord,
  outcome: Outcome,
): Promise<'finished' | 'lost' | undefined> {
  const { chunks } = deps;
  const { chunk } = record;
  const { id, epoch } = chunk;
  // A job that was cancelled waits for the worker to stop: it has.
  const change = (write: (current: ChunkRecord, now: Date) => ChunkChange | undefined) =>
    chunks.changeChunk(id, (current) => {
      const now = new Date();
      const freed = () => {
        const next = released(current, epoch, now);
        return next && { record: next };
      };
      return write(current, now) ?? freed();
    });
  switch (outcome.kind) {
    case 'stored': {
      const after = await change((current, now) => {
        const next = finished(current, epoch, outcome.result, now);
        // Nobody counts extra chunks, and nobody's job fails with them.
        return next && { record: next, events: next.extra ? [] : [chunkFinished(next)] };
      });
      // The picture is there, and there may be many: nobody asks for the record again.
      if (after && record.extra && record.side) await chunks.removeChunk(id);
      task.ack();
      return after?.chunk.state === ChunkState.FINISHED ? 'finished' : 'lost';
    }
    case 'lost':
    case 'stopped': {
      const after = await change((current, now) => {
        const next = handedBack(current, epoch, now);
        return next && { record: next };
      });
      if (after?.chunk.state === ChunkState.QUEUED) task.nak(0);
      else task.ack();
      return outcome.kind === 'lost' ? 'lost' : undefined;
    }
    case 'unwanted':
      await change((current, now) => {
        const next = dropped(current, epoch, now);
        return next && { record: next };
      });
      task.ack();
      return undefined;
    case 'orphaned':
      await chunks.removeChunk(id);
      task.ack();
      return undefined;
    case 'failed':
      await settleFailure(deps, task, record, { error: outcome.error, change });
      return undefined;
  }
}

type ChangeHeld = (
  write: (current: ChunkRecord, now: Date) => ChunkChange | undefined,
) => Promise<ChunkRecord | undefined>;

async function settleFailure(
  { maxAttempts, observer, logger }: RunChunkDependencies,
  task: ChunkTask,
  record: ChunkRecord,
  { error, change }: { error: unknown; change: ChangeHeld },
): Promise<void> {
  const { id: chunkId, attempts, epoch } = record.chunk;
  const isFinal = isFinalFailure(error) || attempts >= attemptsFor(record, error, maxAttempts);
  const failure = isFinal ? deathOf(error) : failureOf(error);
  const after = await change((current, now) => {
    const next = attemptFailed(current, epoch, { failure, isFinal, now });
    return next && { record: next, events: isFinal && !next.extra ? [chunkDied(next, failure)] : [] };
  });
  const { cause } = toKerkisError(error);
  const kind = kindOf(record);
  logger.warn(
    { chunkId, kind, attempts, isFinal, reason: failure.reason, err: error, cause },
    'chunk failed',
  );
  observer.chunkFailed(task.class, kind, isKerkisError(error) ? error.reason : 'INTERNAL');
  if (after?.chunk.state === ChunkState.QUEUED) task.nak(Math.min(maxDelayMs, 1000 * 2 ** attempts));
  else task.ack();
}

/** What a chunk makes, for metrics. */
const kindOf = ({ side }: ChunkRecord) => side?.kind ?? 'segments';

/** A job waits for its side work: what fails on the source's account is not tried as often as segments are. */
const maxSideAttempts = 2;

function attemptsFor({ side }: ChunkRecord, error: unknown, maxAttempts: number): number {
  const isPassing = isKerkisError(error) && ['unavailable', 'exhausted', 'conflict'].includes(error.kind);
  return side && !isPassing ? Math.min(maxSideAttempts, maxAttempts) : maxAttempts;
}

/** A chunk that this worker cannot make is offered to all again after so long: somebody waits for those that are not bulk. */
const [leaveMs, leaveSoonMs] = [2_000, 300];

/** The longest pause between two attempts. */
const maxDelayMs = 60_000;
