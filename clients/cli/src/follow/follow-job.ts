import type { Job } from '@kerkis/contracts/transcode';
import type { Clients } from '../client.ts';
import { type Following, following } from './following.ts';

/** The job now and whenever it changes, until it has ended. */
export async function* followJob(
  { jobs }: Pick<Clients, 'jobs'>,
  jobId: string,
  how: Following = {},
): AsyncGenerator<Job, void> {
  const { signal } = how;
  for await (const { job } of following(() => jobs.watchJob({ jobId }, signal && { signal }), how)) {
    if (job !== undefined) yield job;
  }
}
