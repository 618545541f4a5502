import { countChunks } from '../domain/count-chunks.ts';
import { finished, progressed } from '../domain/job.ts';
import { jobFinished, trackFinished } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What counting a job needs. */
export interface CountJobDependencies {
  readonly jobs: Pick<JobStore, 'changeJob' | 'getJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf'>;
  readonly fillQueue: (jobId: string) => Promise<void>;
}

/**
 * Counts a job from the records of its chunks, tells of tracks that became complete, and ends the job with its last chunk.
 * Counting from the records makes it idempotent: whoever comes last sees all.
 */
export async function countJob(
  { jobs, chunks, fillQueue }: CountJobDependencies,
  jobId: string,
): Promise<void> {
  const { tracks, run } = await jobs.getJob(jobId);
  const records = await Array.fromAsync(chunks.chunksOf(jobId));
  const count = countChunks(tracks, records);
  await jobs.changeJob(jobId, (record) => {
    if (record.run !== run) return undefined;
    const next = progressed(record, count, new Date());
    if (!next) return undefined;
    const complete = next.tracks.filter((track, i) => track.complete && !record.tracks[i]?.complete);
    const events = complete.map((track) => trackFinished(next, track));
    const end = finished(next, count.posterStored, new Date());
    return end ? { record: end, events: [...events, jobFinished(end)] } : { record: next, events };
  });
  await fillQueue(jobId);
}
