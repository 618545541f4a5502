import type { Failure } from '@kerkis/contracts/media';
import type { ObjectStore } from '@kerkis/objects';
import { cancelled as chunkCancelled, mayStillWrite } from '../domain/chunk.ts';
import { cleanedUp, type JobRecord } from '../domain/job.ts';
import { generationPrefix } from '../domain/segment-keys.ts';
import { jobFailed } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What ending a job early needs. */
export interface EndJobDependencies {
  readonly jobs: Pick<JobStore, 'changeJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'changeChunk'>;
  readonly objects: Pick<ObjectStore, 'deletePrefix'>;
}

/** Ends a job early; undefined when it had ended already. Its clean-up follows. */
export async function endJob(
  deps: EndJobDependencies,
  jobId: string,
  end: (record: JobRecord, failure: Failure, now: Date) => JobRecord | undefined,
  failure: Failure,
): Promise<JobRecord | undefined> {
  const ended = await deps.jobs.changeJob(jobId, (record) => {
    const next = end(record, failure, new Date());
    return next && { record: next };
  });
  if (ended) await cleanUpJob(deps, ended);
  return ended;
}

/**
 * Takes the chunks of an ended job from their workers and deletes what was stored, then tells that the job failed. False while a
 * worker may still be writing: the reconciler comes back.
 */
export async function cleanUpJob(
  { jobs, chunks, objects }: EndJobDependencies,
  { job }: JobRecord,
): Promise<boolean> {
  let busy = false;
  for await (const { chunk } of chunks.chunksOf(job.id)) {
    const taken = await chunks.changeChunk(chunk.id, (record) => {
      const next = chunkCancelled(record, new Date());
      return next && { record: next };
    });
    const record = taken?.chunk ?? chunk;
    busy ||= mayStillWrite({ chunk: record }, new Date());
  }
  if (busy) return false;
  await objects.deletePrefix(generationPrefix(job));
  await jobs.changeJob(job.id, (record) => {
    const next = cleanedUp(record, new Date());
    return next && { record: next, events: [jobFailed(next)] };
  });
  return true;
}
