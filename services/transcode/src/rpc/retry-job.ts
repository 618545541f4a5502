import { JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import { type JobRecord, restarted } from '../domain/job.ts';
import { jobRestarted } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { DeletionStore } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';

/** What RetryJob needs. */
export interface RetryJobDependencies {
  readonly jobs: Pick<JobStore, 'getJob' | 'changeJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'removeChunk'>;
  readonly deletions: Pick<DeletionStore, 'findDeleted'>;
  /** Plans the job in the background; the reconciler does it if this process dies, or there is no room. */
  readonly planSoon: (jobId: string) => unknown;
}

export async function retryJob(
  { jobs, chunks, deletions, planSoon }: RetryJobDependencies,
  jobId: string,
): Promise<JobRecord> {
  const { job, needsCleanUp, run } = await jobs.getJob(jobId);
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
  if (await deletions.findDeleted(job)) {
    throw new KerkisError(
      'precondition',
      'ASSET_DELETED',
      'The asset or the generation of this job was deleted.',
    );
  }
  const again = await jobs.changeJob(jobId, (record) => {
    const next = record.run === run ? restarted(record, new Date()) : undefined;
    return next && { record: next, events: [jobRestarted(next)] };
  });
  planSoon(jobId);
  // Those of the former run: the new one makes its own, and is not hurt by what is left if this process dies here.
  for await (const { chunk } of chunks.chunksOf(jobId, run)) await chunks.removeChunk(chunk.id);
  return again ?? (await jobs.getJob(jobId));
}
