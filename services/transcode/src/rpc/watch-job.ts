import { type MessageInitShape, toJsonString } from '@bufbuild/protobuf';
import { JobSchema, type WatchJobResponseSchema } from '@kerkis/contracts/transcode';
import { hasEnded } from '../domain/job.ts';
import { neverBack } from '../domain/job-progress.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';
import { jobView } from './job-view.ts';

/** What WatchJob needs. */
export interface WatchJobDependencies {
  readonly jobs: Pick<JobStore, 'getJob'>;
  readonly chunks: Pick<ChunkStore, 'inState' | 'finishedOfLate'>;
  /** Resolves when the job may have changed. */
  readonly nextChange: (jobId: string, signal: AbortSignal) => Promise<void>;
}

export async function* watchJob(
  { jobs, chunks, nextChange }: WatchJobDependencies,
  jobId: string,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof WatchJobResponseSchema>> {
  let last = '';
  const asShown = neverBack();
  while (!signal.aborted) {
    const change = nextChange(jobId, signal);
    const record = await jobs.getJob(jobId);
    const job = asShown(await jobView(chunks, record), record.run);
    const shown = toJsonString(JobSchema, job);
    if (shown !== last) yield { job };
    last = shown;
    if (hasEnded(job)) return;
    await change;
  }
}
