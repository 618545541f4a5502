import { ChunkState, type Job, JobState } from '@kerkis/contracts/transcode';
import type { JobRecord } from '../domain/job.ts';
import { progressNow } from '../domain/job-progress.ts';
import type { ChunkStore } from '../store/chunks.ts';

/** Chunks that are looked at for the progress of one job. */
const maxChunks = 200;

/** A job as clients see it: what is recorded, and what its chunks have done since. */
export async function jobView(
  chunks: Pick<ChunkStore, 'inState' | 'finishedOfLate'>,
  record: JobRecord,
): Promise<Job> {
  if (record.job.state !== JobState.RUNNING) return record.job;
  const queued = await chunks.inState(record, ChunkState.QUEUED, maxChunks);
  const running = await chunks.inState(record, ChunkState.RUNNING, maxChunks);
  // Looked for last: a chunk that ends in between is seen once at least.
  const finished = await chunks.finishedOfLate(record, maxChunks);
  return progressNow(record, { queued, running, finished }, new Date());
}
