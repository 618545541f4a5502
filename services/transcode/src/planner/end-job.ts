import type { Failure } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { cancelled as chunkCancelled, mayStillWrite } from '../domain/chunk.ts';
import { cleanedUp, cleaning, type JobRecord, stillCleaning } from '../domain/job.ts';
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
const cleaningMs = 40_000;
/** With less than that left it deletes nothing more: what it has asked the store for must be over before others take over. */
const spareMs = 20_000;
/** With less than that left it says that it is still at it. */
const renewBelowMs = 30_000;

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
  const claim = await claimCleaning(jobs, jobId);
  if (!claim) return false;
  await objects.deletePrefix(generationPrefix(record.job), { fence: claim.fence });
  const done = await jobs.changeJob(jobId, (current) => {
    const next = cleanedUp(current, claim.untilMs(), new Date());
    // One that starts again by itself did not fail.
    return next && { record: next, events: next.job.state === JobState.PENDING ? [] : [jobFailed(next)] };
  });
  return done !== undefined;
}

/** The right to delete the segments of a job. */
interface CleaningClaim {
  /** Until then others keep away, milliseconds since 1970. */
  untilMs(): number;
  /** Called before each deletion. Throws CLEAN_UP_LOST when others may be at it by now: this process stood still. */
  fence(): Promise<void>;
}

/** Only one at a time: whoever were still deleting after the clean-up is over would take segments of the next run with it. */
async function claimCleaning(
  jobs: EndJobDependencies['jobs'],
  jobId: string,
): Promise<CleaningClaim | undefined> {
  let untilMs = Date.now() + cleaningMs;
  const mine = await jobs.changeJob(jobId, (current) => {
    const next = cleaning(current, untilMs, new Date());
    return next && { record: next };
  });
  if (!mine) return undefined;

  async function renew(): Promise<void> {
    const nextMs = Date.now() + cleaningMs;
    const renewed = await jobs.changeJob(jobId, (current) => {
      const next = stillCleaning(current, untilMs, nextMs);
      return next && { record: next };
    });
    if (renewed) untilMs = nextMs;
  }

  return {
    untilMs: () => untilMs,
    async fence() {
      if (untilMs - Date.now() < renewBelowMs) await renew();
      // Read last: right before the request.
      if (untilMs - Date.now() >= spareMs) return;
      throw new KerkisError(
        'conflict',
        'CLEAN_UP_LOST',
        'Another process may be deleting the segments of this job.',
        {
          details: { jobId },
        },
      );
    },
  };
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
