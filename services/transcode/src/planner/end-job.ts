import type { Failure } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import type { ObjectStore } from '@kerkis/objects';
import { cancelled as chunkCancelled, mayStillWrite } from '../domain/chunk.ts';
import { cleanedUp, cleaning, type JobRecord } from '../domain/job.ts';
import { generationPrefix } from '../domain/segment-keys.ts';
import { jobFailed } from '../events.ts';
import type { observeJobs } from '../observe.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What ending a job early needs. */
export interface EndJobDependencies {
  readonly jobs: Pick<JobStore, 'changeJob' | 'findJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'changeChunk'>;
  readonly objects: Pick<ObjectStore, 'deletePrefix'>;
  /** Told how a job ended. */
  readonly jobEnded: ReturnType<typeof observeJobs>;
}

/** So long others wait for a process that deletes the segments of a job, before they take over. */
const cleaningMs = 30_000;

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
  if (!ended) return undefined;
  const outcome = ended.job.state === JobState.CANCELLED ? 'cancelled' : 'failed';
  deps.jobEnded(ended, outcome);
  await cleanUpJob(deps, jobId);
  return ended;
}

/**
 * Takes the chunks of an ended job from their workers and deletes what was stored, then tells that the job failed, or lets it start again. False while a
 * worker may still be writing, or another process is at it: the reconciler comes back.
 */
export async function cleanUpJob(deps: EndJobDependencies, jobId: string): Promise<boolean> {
  const { jobs, objects } = deps;
  const record = await jobs.findJob(jobId);
  if (!record?.needsCleanUp) return true;
  if (await takeChunks(deps, record)) return false;
  // Only one at a time: whoever were still deleting after the clean-up is over would take segments of the next run with it.
  const untilMs = Date.now() + cleaningMs;
  const mine = await jobs.changeJob(jobId, (current) => {
    const next = cleaning(current, untilMs, new Date());
    return next && { record: next };
  });
  if (!mine) return false;
  await objects.deletePrefix(generationPrefix(mine.job));
  const done = await jobs.changeJob(jobId, (current) => {
    const next = cleanedUp(current, untilMs, new Date());
    // One that starts again by itself did not fail.
    return next && { record: next, events: next.job.state === JobState.PENDING ? [] : [jobFailed(next)] };
  });
  return done !== undefined;
}

/** Cancels the chunks of a run that ended. Returns whether a worker may still be writing one of them. */
export async function takeChunks(
  { chunks }: Pick<EndJobDependencies, 'chunks'>,
  { job: { id }, run }: JobRecord,
): Promise<boolean> {
  let isBusy = false;
  for await (const record of chunks.chunksOf(id, run)) {
    const taken = await chunks.changeChunk(record.chunk.id, (current) => {
      const next = chunkCancelled(current, new Date());
      return next && { record: next };
    });
    isBusy ||= mayStillWrite(taken ?? record, new Date());
  }
  return isBusy;
}
