import type { Job } from '@kerkis/contracts/transcode';
import type { Clients } from '../client.ts';
import { following } from './following.ts';

/** The job now and whenever it changes, until it has ended. */
export async function* followJob(
  { jobs }: Pick<Clients, 'jobs'>,
  jobId: string,
  signal?: AbortSignal,
): AsyncGenerator<Job, void> {
  for await (const { job } of following(() => jobs.watchJob({ jobId }, signal && { signal }), signal)) {
    if (job !== undefined) yield job;
  }
}
