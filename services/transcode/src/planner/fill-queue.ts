import { ChunkClass, ChunkState, JobState } from '@kerkis/contracts/transcode';
import type { TaskClass } from '@kerkis/events';
import { type ChunkRecord, queued } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import type { ChunkStore } from '../store/chunks.ts';

/** Puts the task of a chunk into the work queue. `tryId` tells one publishing of it from the next. */
export type PublishChunk = (record: ChunkRecord, tryId: string) => Promise<void>;

/** What filling the queue needs. */
export interface FillQueueDependencies {
  readonly chunks: Pick<ChunkStore, 'inState' | 'changeChunk'>;
  readonly publish: PublishChunk;
  /** Most chunks of one job that wait in the queue. */
  readonly windowChunks: number;
}

/**
 * Keeps a small window of a running job's chunks in the queue: with few of each, first-in-first-out is fair between jobs,
 * and a cancelled job leaves little behind.
 */
export async function fillQueue(
  { chunks, publish, windowChunks }: FillQueueDependencies,
  job: JobRecord,
): Promise<void> {
  if (job.job.state !== JobState.RUNNING) return;
  const waiting = await chunks.inState(job, ChunkState.QUEUED, windowChunks);
  const free = windowChunks - waiting.length;
  if (free <= 0) return;
  for (const { chunk } of await chunks.inState(job, ChunkState.PENDING, free)) {
    const record = await chunks.changeChunk(chunk.id, (current) => {
      const next = queued(current, new Date());
      return next && { record: next };
    });
    if (record) await publish(record, `${record.chunk.epoch}`);
  }
}

/** The class of tasks that a chunk travels in. */
export function taskClassOf({ chunk }: ChunkRecord): TaskClass {
  if (chunk.class === ChunkClass.URGENT) return 'urgent';
  return chunk.class === ChunkClass.HEAD ? 'head' : 'bulk';
}
