import type { ConnectRouter } from '@connectrpc/connect';
import { AssetDeletionRequestedSchema, GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { ChunkDiedSchema, ChunkFinishedSchema } from '@kerkis/contracts/transcode/events';
import { EncodeChunkSchema } from '@kerkis/contracts/transcode/tasks';
import { consume, publishTask, queueLag } from '@kerkis/events';
import { type MediaTools, probeSource } from '@kerkis/media';
import { createChangeFeed, type Mesh, startReconciler } from '@kerkis/mesh';
import type { ObjectStore } from '@kerkis/objects';
import { failed } from '../domain/job.ts';
import { refuseSource } from '../domain/refuse-source.ts';
import { sourceLimits } from '../domain/source-limits.ts';
import { observeQueue } from '../observe.ts';
import { transcodeRoutes } from '../rpc/routes.ts';
import type { TranscodePace } from '../service.ts';
import type { SourceFiles } from '../source-files.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { DeletionStore } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';
import { countJob } from './count-job.ts';
import { deleteMedia } from './delete-media.ts';
import { endJob } from './end-job.ts';
import { fillQueue, type PublishChunk, taskClassOf } from './fill-queue.ts';
import { planJob } from './plan-job.ts';
import { reconcile } from './reconcile.ts';
import { startJob } from './start-job.ts';

/** What the planner is started with. */
export interface PlannerOptions {
  readonly mesh: Mesh;
  readonly stores: {
    readonly jobs: JobStore;
    readonly chunks: ChunkStore;
    readonly deletions: DeletionStore;
  };
  readonly objects: ObjectStore;
  readonly sources: SourceFiles;
  readonly tools: MediaTools;
  readonly pace: TranscodePace;
}

/** A running planner. */
export interface Planner extends AsyncDisposable {
  readonly routes: (router: ConnectRouter) => void;
}

/** Starts the planner: it takes on generations, gives out chunks, counts them, and ends jobs. */
export async function startPlanner({
  mesh,
  stores,
  objects,
  sources,
  tools,
  pace,
}: PlannerOptions): Promise<Planner> {
  const { config, telemetry, bus } = mesh;
  const { inputs, retention, transcode } = config;
  const { logger } = telemetry;
  await using stack = new AsyncDisposableStack();
  const leaving = new AbortController();

  const publish: PublishChunk = async (record, tryId) => {
    const { id: chunkId, jobId } = record.chunk;
    const route = {
      class: taskClassOf(record),
      id: `${chunkId}-${tryId}`,
      subjectSuffix: `${jobId}.${chunkId}`,
    };
    await publishTask(
      bus,
      EncodeChunkSchema,
      { chunkId, jobId },
      { ...route, subjectId: jobId, source: 'transcode' },
    );
  };
  const shared = { ...stores, objects, publish };
  const fill = (jobId: string) =>
    fillQueue({ ...shared, windowChunks: transcode.planner.windowChunks }, jobId);
  const count = (jobId: string) => countJob({ ...shared, fillQueue: fill }, jobId);
  const plan = (jobId: string, signal: AbortSignal) =>
    planJob(
      {
        ...shared,
        sources,
        probe: (path, options) =>
          probeSource(path, sourceLimits(config), { tools, tracer: telemetry.tracer, ...options }),
        refuse: (source) => refuseSource(inputs, source),
        chunkSeconds: transcode.planner.chunkSeconds,
        fillQueue: fill,
        endJob: (id, failure) => endJob(shared, id, failed, failure),
      },
      jobId,
      signal,
    );

  stack.use(
    consume(bus, {
      schema: GenerationRequestedSchema,
      durable: 'transcode-generation-requested',
      handler: (message, { signal }) => startJob({ ...stores, planJob: plan }, message, signal),
    }),
  );
  stack.use(
    consume(bus, {
      schema: ChunkFinishedSchema,
      durable: 'transcode-chunk-finished',
      handler: ({ jobId }) => count(jobId),
    }),
  );
  stack.use(
    consume(bus, {
      schema: ChunkDiedSchema,
      durable: 'transcode-chunk-died',
      handler: async ({ jobId, failure }) => {
        if (failure) await endJob(shared, jobId, failed, failure);
      },
    }),
  );
  stack.use(
    consume(bus, {
      schema: AssetDeletionRequestedSchema,
      durable: 'transcode-asset-deletion-requested',
      handler: async ({ assetId }) => {
        await stores.deletions.openDeletion(assetId);
        await deleteMedia(shared, assetId);
      },
    }),
  );
  stack.use(
    startReconciler({
      logger,
      intervalMs: pace.reconcileMs,
      run: (signal) =>
        reconcile(
          {
            ...shared,
            queueLag: () => queueLag(bus),
            countJob: count,
            planJob: plan,
            maxAttempts: transcode.planner.maxAttempts,
            staleMs: pace.staleMs,
            keepFinishedMs: retention.finishedJobDays * 86_400_000,
          },
          signal,
        ),
    }),
  );
  const feed = stack.use(createChangeFeed(bus, 'kerkis.event.transcode.*.*', { pollMs: 500 }));
  observeQueue(telemetry, () => queueLag(bus));
  stack.defer(() => leaving.abort());

  const running = stack.move();
  return {
    routes: transcodeRoutes({
      ...shared,
      nextChange: (jobId, signal) => feed.next(jobId, signal),
      planSoon: (jobId) => {
        plan(jobId, leaving.signal).catch((err: unknown) =>
          logger.warn({ err, jobId }, 'job could not be planned yet'),
        );
      },
    }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
