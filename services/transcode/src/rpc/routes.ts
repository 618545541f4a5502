import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { ChunkState, JobService, SegmentService, WorkerService } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';
import type { WorkerTable } from '../workers/worker-table.ts';
import { type CancelJobDependencies, cancelJob } from './cancel-job.ts';
import { type EnsureSegmentDependencies, ensureSegment } from './ensure-segment.ts';
import { type EnsureThumbnailDependencies, ensureThumbnail } from './ensure-thumbnail.ts';
import { jobView } from './job-view.ts';
import { listWorkers } from './list-workers.ts';
import { type RetryJobDependencies, retryJob } from './retry-job.ts';
import { type WatchJobDependencies, watchJob } from './watch-job.ts';

/** What the RPC handlers of transcode stand on. */
export interface TranscodeRoutes
  extends CancelJobDependencies,
    EnsureSegmentDependencies,
    EnsureThumbnailDependencies,
    RetryJobDependencies,
    WatchJobDependencies {
  readonly jobs: JobStore;
  readonly chunks: ChunkStore;
  readonly deletions: RetryJobDependencies['deletions'];
  readonly workers: Pick<WorkerTable, 'list'>;
  readonly objects: Pick<ObjectStore, 'copy' | 'deletePrefix' | 'head'>;
}

/** Registers every RPC of transcode. */
export function transcodeRoutes(deps: TranscodeRoutes): (router: ConnectRouter) => void {
  const { jobs, chunks } = deps;

  const jobRpcs: ServiceImpl<typeof JobService> = {
    getJob: async ({ jobId }) => ({ job: await jobView(chunks, await jobs.getJob(jobId)) }),
    listJobs: async ({ state, assetId, pageSize, pageToken }) => {
      const page = await jobs.listJobs({ state, assetId, pageSize: pageSize || 50, pageToken });
      const views = await Promise.all(page.records.map((record) => jobView(chunks, record)));
      return { jobs: views, nextPageToken: page.nextPageToken };
    },
    watchJob: ({ jobId }, { signal }) => watchJob(deps, jobId, signal),
    cancelJob: async ({ jobId }) => ({ job: (await cancelJob(deps, jobId)).job }),
    retryJob: async ({ jobId }) => ({ job: (await retryJob(deps, jobId)).job }),
    listChunks: async ({ jobId, pageSize, pageToken }) => {
      await jobs.getJob(jobId);
      const page = await chunks.listChunks(jobId, pageSize || 100, pageToken);
      return { chunks: page.records.map(({ chunk }) => chunk), nextPageToken: page.nextPageToken };
    },
    getChunk: async ({ chunkId }) => ({ chunk: (await chunks.getChunk(chunkId)).chunk }),
    retryChunk: async ({ chunkId }) => {
      const { chunk } = await chunks.getChunk(chunkId);
      if (chunk.state !== ChunkState.DEAD) throw notDead(chunkId, chunk.state);
      return { job: (await retryJob(deps, chunk.jobId)).job };
    },
  };
  const segmentRpcs: ServiceImpl<typeof SegmentService> = {
    ensureSegment: (request, context) => ensureSegment(deps, request, context),
    ensureThumbnail: (request, context) => ensureThumbnail(deps, request, context),
  };
  const workerRpcs: ServiceImpl<typeof WorkerService> = {
    listWorkers: () => listWorkers(deps.workers),
  };

  return (router) => {
    router.service(JobService, jobRpcs);
    router.service(SegmentService, segmentRpcs);
    router.service(WorkerService, workerRpcs);
  };
}

const notDead = (chunkId: string, state: ChunkState) =>
  new KerkisError('precondition', 'CHUNK_NOT_DEAD', 'Only a dead chunk can be given new attempts.', {
    details: { chunkId, state: ChunkState[state] },
  });
