import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import type { Logger } from '@kerkis/telemetry';
import { encodersToCome, hardwareGone } from '../domain/hardware-need.ts';
import { type JobRecord, restartedWithout } from '../domain/job.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';
import type { WorkerTable } from '../workers/worker-table.ts';
import { cleanUpJob, type EndJobDependencies } from './end-job.ts';

/** What giving up on hardware needs. */
export interface LeaveHardwareDependencies extends EndJobDependencies {
  readonly jobs: EndJobDependencies['jobs'] & Pick<JobStore, 'findInHardware'>;
  readonly chunks: EndJobDependencies['chunks'] & Pick<ChunkStore, 'inState'>;
  readonly workers: Pick<WorkerTable, 'missingForMs'>;
  /** How long a job waits for a worker with the hardware of its plan, milliseconds. */
  readonly hardwarePatienceMs: number;
  readonly logger: Logger;
}

/** Chunks in work that are looked at: more than a job has workers that this planner has not heard of. */
const maxRunning = 100;

/**
 * Starts a job again in software whose hardware no worker has had for a while. What is stored goes: no two encoders write the same, so
 * the rest of a track cannot be made with another one. Returns whether it did.
 */
export async function leaveHardware(deps: LeaveHardwareDependencies, record: JobRecord): Promise<boolean> {
  const { jobs, workers, hardwarePatienceMs, logger } = deps;
  // What takes over the media of another job encodes nothing.
  if (record.copyOf) return false;
  const gone = encodersToCome(record).filter((each) => workers.missingForMs(each) > hardwarePatienceMs);
  if (gone.length === 0 || (await isBeingMade(deps, record, gone))) return false;
  const reason = hardwareGone(gone);
  const { job, run } = record;
  const restarted = await jobs.changeJob(job.id, (current) => {
    const next =
      current.run === run ? restartedWithout(current, 'withoutHardware', reason, new Date()) : undefined;
    return next && { record: next };
  });
  if (!restarted) return false;
  logger.warn({ jobId: job.id, assetId: job.assetId, encoders: gone, run }, 'job restarts in software');
  await cleanUpJob(deps, job.id);
  return true;
}

/** A worker that cannot be heard, because NATS is away, may still be at work and renew its lease. */
async function isBeingMade(
  { chunks }: LeaveHardwareDependencies,
  record: JobRecord,
  gone: readonly string[],
): Promise<boolean> {
  if (record.job.state !== JobState.RUNNING) return true;
  const running = await chunks.inState(record, ChunkState.RUNNING, maxRunning);
  return running.some(({ chunk }) => chunk.encoders.some((each) => gone.includes(each)));
}
