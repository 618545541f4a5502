import type { Source } from '@kerkis/contracts/catalog';
import type { GenerationRequested } from '@kerkis/contracts/catalog/events';
import { JobState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import { type JobRecord, newJob } from '../domain/job.ts';
import { jobFailed, jobFinished, jobPlanned, tracksRevised } from '../events.ts';
import type { DeletionStore, MediaToGo } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';

/** What taking on a generation needs. */
export interface StartJobDependencies {
  readonly jobs: Pick<JobStore, 'addJob' | 'findJob' | 'changeJob'>;
  readonly deletions: Pick<DeletionStore, 'findDeleted' | 'openDeletion'>;
  /** Plans a job that waits for its probe. */
  readonly planJob: (jobId: string) => Promise<void>;
  /** Deletes whatever an asset or a generation has here. */
  readonly deleteMedia: (media: MediaToGo) => Promise<unknown>;
}

/**
 * A generation is asked for. The first time its job is made and planned; when it is asked for again, because somebody may have missed the
 * answer, the answer is published again.
 */
export async function startJob(
  { jobs, deletions, planJob, deleteMedia }: StartJobDependencies,
  { assetId, generationId, source, profile }: GenerationRequested,
): Promise<void> {
  if (!profile)
    throw new KerkisError('invalid', 'PROFILE_MISSING', `Generation ${generationId} names no profile.`);
  const id = `job_${generationId.slice('gen_'.length)}`;
  await jobs.addJob(
    newJob({
      id,
      assetId,
      generationId,
      source: requiredSource(source, generationId),
      profile,
      now: new Date(),
    }),
  );
  // Looked up after the job is there, new or not: a deletion either finds the job, or is found here.
  const gone = await deletions.findDeleted({ assetId, generationId });
  if (gone) {
    await deletions.openDeletion(gone);
    await deleteMedia(gone);
    return;
  }
  const record = await jobs.findJob(id);
  if (record?.job.state === JobState.PENDING) await planJob(id);
  else await jobs.changeJob(id, (current) => ({ record: current, events: present(current) }));
}

/** The events that tell where a job is now. */
function present(record: JobRecord) {
  switch (record.job.state) {
    case JobState.RUNNING:
      return [jobPlanned(record), ...(record.revision > 0 ? [tracksRevised(record)] : [])];
    case JobState.FINISHED:
      return [jobPlanned(record), jobFinished(record)];
    case JobState.FAILED:
    case JobState.CANCELLED:
      return record.needsCleanUp ? [] : [jobFailed(record)];
    default:
      return [];
  }
}

function requiredSource(source: Source | undefined, generationId: string): Source {
  if (source) return source;
  throw new KerkisError('invalid', 'SOURCE_MISSING', `Generation ${generationId} names no source.`);
}
