import { create } from '@bufbuild/protobuf';
import type { Failure } from '@kerkis/contracts/media';
import { ChunkSchema, ChunkState, JobState } from '@kerkis/contracts/transcode';
import { isKerkisError } from '@kerkis/errors';
import { idForRequest } from '@kerkis/ids';
import { type MediaPlan, planMedia, type probeSource, type SourceInfo } from '@kerkis/media';
import type { ChunkRecord } from '../domain/chunk.ts';
import { encodingProfile } from '../domain/encoding-profile.ts';
import { failureOf } from '../domain/failure.ts';
import { type JobRecord, planned } from '../domain/job.ts';
import { type PlannedChunk, planChunks } from '../domain/plan-chunks.ts';
import { jobPlanned } from '../events.ts';
import type { SourceFiles } from '../source-files.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What planning needs. */
export interface PlanJobDependencies {
  readonly jobs: Pick<JobStore, 'getJob' | 'changeJob'>;
  readonly chunks: Pick<ChunkStore, 'addChunk'>;
  readonly sources: SourceFiles;
  readonly probe: (path: string, options: { signal: AbortSignal }) => ReturnType<typeof probeSource>;
  readonly refuse: (source: SourceInfo) => void;
  readonly chunkSeconds: number;
  /** Fills the queue with the job's first chunks. */
  readonly fillQueue: (jobId: string) => Promise<void>;
  /** Fails the job for good. */
  readonly endJob: (jobId: string, failure: Failure) => Promise<unknown>;
}

/** Probes the source of a PENDING job, cuts it into chunks and lets it run; or fails it, with the reason. */
export async function planJob(deps: PlanJobDependencies, jobId: string, signal: AbortSignal): Promise<void> {
  const record = await deps.jobs.getJob(jobId);
  if (record.job.state !== JobState.PENDING) return;
  try {
    const plan = await makePlan(deps, record, signal);
    await addChunks(deps, record, plan);
    const count = planChunks(plan, deps.chunkSeconds).length;
    await deps.jobs.changeJob(jobId, (current) => {
      const next = planned(current, plan, count, new Date());
      return next && { record: next, events: [jobPlanned(next)] };
    });
  } catch (error) {
    // What may go better the next time is left to the redelivery of the event; the rest is the source's own fault.
    if (!isKerkisError(error) || error.mapping.retryable) throw error;
    await deps.endJob(jobId, failureOf(error));
    return;
  }
  await deps.fillQueue(jobId);
}

async function makePlan(
  deps: PlanJobDependencies,
  record: JobRecord,
  signal: AbortSignal,
): Promise<MediaPlan> {
  await using file = await deps.sources.open(record.source.objectKey, signal);
  const source = await deps.probe(file.path, { signal });
  deps.refuse(source);
  return planMedia(source, encodingProfile(record.profile));
}

async function addChunks({ chunks, chunkSeconds }: PlanJobDependencies, record: JobRecord, plan: MediaPlan) {
  for (const [order, each] of planChunks(plan, chunkSeconds).entries()) {
    await chunks.addChunk(newChunk(record, each, order));
  }
}

function newChunk({ job, run }: JobRecord, planned: PlannedChunk, order: number): ChunkRecord {
  return {
    chunk: create(ChunkSchema, {
      // The same job planned again after a crash adds nothing twice; a restarted job shares no chunk with its former run.
      id: idForRequest('unt', `${job.id}:${run}:${order}`),
      jobId: job.id,
      tracks: [...planned.tracks],
      firstSegment: planned.firstSegment,
      segmentCount: planned.segmentCount,
      class: planned.class,
      state: ChunkState.PENDING,
    }),
    assetId: job.assetId,
    generationId: job.generationId,
    order,
    makesPoster: planned.makesPoster,
    progress: { stored: {}, speed: 0 },
    measured: {},
    posterStored: false,
    changedAt: new Date(),
  };
}
