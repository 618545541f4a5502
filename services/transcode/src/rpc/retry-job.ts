import { JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import { type JobRecord, restarted } from '../domain/job.ts';
import { jobRestarted } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What RetryJob needs. */
export interface RetryJobDependencies {
  readonly jobs: Pick<JobStore, 'getJob' | 'changeJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'removeChunk'>;
  /** Plans the job in the background; the reconciler does it if this process dies. */
  readonly planSoon: (jobId: string) => void;
}

export async function retryJob(
  { jobs, chunks, planSoon }: RetryJobDependencies,
  jobId: string,
): Promise<JobRecord> {
  const { job, needsCleanUp } = await jobs.getJob(jobId);
  if (job.state !== JobState.FAILED && job.state !== JobState.CANCELLED) {
    throw new KerkisError(
      'precondition',
      'JOB_NOT_ENDED',
      'Only a failed or cancelled job can be started again.',
      {
        details: { jobId, state: JobState[job.state] },
      },
    );
  }
  if (needsCleanUp) {
    throw new KerkisError(
      'conflict',
      'JOB_CLEAN_UP_RUNS',
      'What the job had stored is still being deleted. Try again in a moment.',
    );
  }
  // Chunks of the former run: the new plan makes its own.
  for await (const { chunk } of chunks.chunksOf(jobId)) await chunks.removeChunk(chunk.id);
  await jobs.changeJob(jobId, (record) => {
    const next = restarted(record, new Date());
    return next && { record: next, events: [jobRestarted(next)] };
  });
  planSoon(jobId);
  return await jobs.getJob(jobId);
}
