import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import { type ChunkRecord, cancelled } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What sweeping needs. */
export interface SweepPendingDependencies {
  readonly jobs: Pick<JobStore, 'findJob'>;
  readonly chunks: Pick<ChunkStore, 'pageInState' | 'changeChunk' | 'removeChunk'>;
  /** How long something may rest before it counts as stuck, milliseconds. */
  readonly staleMs: number;
}

/**
 * Ends PENDING chunks of jobs, or runs, that are over: a planner was killed while it added them. Each turn looks at one page of all that wait, and
 * the next one goes on there, since those of a film wait for hours. Returns how many it ended.
 */
export function createSweepPending({
  jobs,
  chunks,
  staleMs,
}: SweepPendingDependencies): (signal: AbortSignal) => Promise<number> {
  let pageToken = '';

  return async (signal) => {
    const { records, nextPageToken } = await chunks.pageInState(ChunkState.PENDING, pageToken);
    const resting = records.filter(({ changedAt }) => Date.now() - changedAt.getTime() > staleMs);
    // Behind what is young all is younger: from the beginning, then.
    pageToken = resting.length === records.length ? nextPageToken : '';
    const known = new Map<string, JobRecord | undefined>();
    let ended = 0;
    for (const record of resting) {
      if (signal.aborted) break;
      const { id, jobId } = record.chunk;
      if (!known.has(jobId)) known.set(jobId, await jobs.findJob(jobId));
      const job = known.get(jobId);
      if (job && isOpen(job, record)) continue;
      if (!job) await chunks.removeChunk(id);
      else
        await chunks.changeChunk(id, (current) => {
          const next = cancelled(current, new Date());
          return next && { record: next };
        });
      ended++;
    }
    return ended;
  };
}

const isOpen = ({ job, run }: JobRecord, chunk: ChunkRecord) =>
  job.state === JobState.RUNNING && run === chunk.run;
