import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import type { Logger } from '@kerkis/telemetry';
import { abandoned, type ChunkRecord } from '../domain/chunk.ts';
import { chunkDied } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { WorkerTable } from '../workers/worker-table.ts';
import type { PublishChunk } from './fill-queue.ts';

/** What taking chunks from lost workers needs. */
export interface TakeBackDependencies {
  readonly chunks: Pick<ChunkStore, 'findUnchanged' | 'changeChunk'>;
  readonly workers: Pick<WorkerTable, 'silentForMs'>;
  readonly publish: PublishChunk;
  readonly maxAttempts: number;
  readonly logger: Logger;
}

const batch = 200;
/**
 * A worker renews its leases and announces itself every second. One of which neither is seen for so long is gone; sooner for what a viewer
 * waits for, which is little to make once more.
 */
const [goneMs, goneUrgentMs] = [5_000, 2_500];
/**
 * A worker that was lost says less about a chunk than a failure: machines are taken away at any time. It is bounded all the same, since a chunk may
 * be what brings its workers down.
 */
const lostWorkersFactor = 4;

const workerLost = create(FailureSchema, {
  reason: 'WORKER_LOST',
  message:
    'Each worker that took this chunk went silent. Look for killed workers and for lack of memory, then retry.',
});

/**
 * Gives out again what workers hold that are gone: because the lease is over, or since nothing is seen of the worker, neither in the record nor in
 * what it announces. Returns how much that was.
 */
export async function takeBackLost(deps: TakeBackDependencies, signal: AbortSignal): Promise<number> {
  // Living workers renew their leases all the time, so what is lost is among what rests longest.
  const running = await deps.chunks.findUnchanged(ChunkState.RUNNING, new Date(), batch);
  let taken = 0;
  for (const record of running) {
    if (signal.aborted) break;
    try {
      if (await takeBack(deps, record)) taken++;
    } catch (err) {
      deps.logger.warn(
        { err, chunkId: record.chunk.id },
        'chunk of a lost worker could not be taken back yet',
      );
    }
  }
  return taken;
}

async function takeBack(deps: TakeBackDependencies, { chunk: before }: ChunkRecord): Promise<boolean> {
  const { chunks, publish, maxAttempts, logger } = deps;
  const bound = { maxAttempts: maxAttempts * lostWorkersFactor, failure: workerLost };
  const record = await chunks.changeChunk(before.id, (current) => {
    const now = new Date();
    const next = abandoned(current, { ...bound, isHolderGone: isHolderGone(deps, current, now), now });
    if (!next) return undefined;
    const isDead = next.chunk.state === ChunkState.DEAD && !next.extra;
    return { record: next, events: isDead ? [chunkDied(next, workerLost)] : [] };
  });
  if (!record) return false;
  const { id: chunkId, jobId, epoch, attempts } = record.chunk;
  logger.warn({ chunkId, jobId, workerId: before.workerId, attempts }, 'chunk taken back from a lost worker');
  if (record.chunk.state === ChunkState.QUEUED) await publish(record, `${epoch}`);
  return true;
}

function isHolderGone(
  { workers }: TakeBackDependencies,
  { chunk, changedAt }: ChunkRecord,
  now: Date,
): boolean {
  const enoughMs = chunk.class === ChunkClass.URGENT ? goneUrgentMs : goneMs;
  return now.getTime() - changedAt.getTime() >= enoughMs && workers.silentForMs(chunk.workerId) >= enoughMs;
}
