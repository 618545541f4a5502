import { JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { JobRecord } from '../domain/job.ts';
import type { JobStore } from '../store/jobs.ts';

/** The job of a generation, planned. Throws GENERATION_NOT_FOUND, JOB_NOT_PLANNED_YET, JOB_ENDED. */
export async function requireJob(
  jobs: Pick<JobStore, 'findByGeneration'>,
  generationId: string,
): Promise<JobRecord> {
  const record = await jobs.findByGeneration(generationId);
  if (!record) {
    throw new KerkisError('not_found', 'GENERATION_NOT_FOUND', 'There is no job for this generation.', {
      details: { generationId },
    });
  }
  return requirePlanned(record);
}

/** The job, unless it waits for its plan, for the first time or again, or ended without success: JOB_NOT_PLANNED_YET, JOB_ENDED. */
export function requirePlanned(record: JobRecord): JobRecord {
  if (requireRunning(record).job.state !== JobState.PENDING) return record;
  throw new KerkisError('unavailable', 'JOB_NOT_PLANNED_YET', 'The job is not planned yet. Ask again.');
}

/** The job, unless it ended without success: JOB_ENDED. */
export function requireRunning(record: JobRecord): JobRecord {
  const { state, failure } = record.job;
  if (state !== JobState.FAILED && state !== JobState.CANCELLED) return record;
  throw new KerkisError('precondition', 'JOB_ENDED', 'The job that would make this ended without success.', {
    details: { reason: failure?.reason ?? '', state: JobState[state] },
  });
}
