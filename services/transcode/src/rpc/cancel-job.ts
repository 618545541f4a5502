import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import { cancelled, type JobRecord } from '../domain/job.ts';
import { type EndJobDependencies, endJob } from '../planner/end-job.ts';
import type { JobStore } from '../store/jobs.ts';

/** What CancelJob needs. */
export interface CancelJobDependencies extends EndJobDependencies {
  readonly jobs: EndJobDependencies['jobs'] & Pick<JobStore, 'getJob'>;
}

const failure = create(FailureSchema, { reason: 'JOB_CANCELLED', message: 'Somebody cancelled the job.' });

export async function cancelJob(deps: CancelJobDependencies, jobId: string): Promise<JobRecord> {
  const before = await deps.jobs.getJob(jobId);
  const ended = await endJob(deps, jobId, cancelled, failure);
  if (!ended && before.job.state !== JobState.CANCELLED) {
    throw new KerkisError('precondition', 'JOB_ENDED', 'The job is over: there is nothing to cancel.', {
      details: { jobId, state: JobState[before.job.state] },
    });
  }
  return await deps.jobs.getJob(jobId);
}
