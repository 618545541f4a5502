import type { ConnectRouter } from '@connectrpc/connect';
import { subjectOf } from '@kerkis/contracts';
import {
  AssetDeletionRequestedSchema,
  GenerationDeletionRequestedSchema,
  GenerationRequestedSchema,
} from '@kerkis/contracts/catalog/events';
import type { Failure } from '@kerkis/contracts/media';
import {
  ChunkDiedSchema,
  ChunkFinishedSchema,
  SegmentStoredSchema,
} from '@kerkis/contracts/transcode/events';
import { EncodeChunkSchema } from '@kerkis/contracts/transcode/tasks';
import { consume, hasTask, publishTask, queueLag } from '@kerkis/events';
import {
  type LoudnessRequest,
  type MediaTools,
  measureLoudness,
  type ProbeOptions,
  probeArriving,
  probeSource,
  type SourceInfo,
} from '@kerkis/media';
import { createChangeFeed, type Mesh, startReconciler } from '@kerkis/mesh';
import type { ObjectStore } from '@kerkis/objects';
import type { ChunkRecord } from '../domain/chunk.ts';
import { failed, type JobRecord } from '../domain/job.ts';
import { refuseSource } from '../domain/refuse-source.ts';
import { sourceLimits } from '../domain/source-limits.ts';
import type { EarlyStore } from '../early/early-store.ts';
import { startEarly } from '../early/start-early.ts';
import { takeEarlySegment } from '../early/take-early.ts';
import { observeJobs, observeLadders, observeQueue } from '../observe.ts';
import { transcodeRoutes } from '../rpc/routes.ts';
import { makeScratch } from '../scratch.ts';
import type { TranscodePace } from '../service.ts';
import type { SourceFiles } from '../source-files.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { DeletionStore, MediaToGo } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';
import { ffmpegEncoder } from '../worker/ffmpeg-encoder.ts';
import { watchWorkers } from '../workers/announce-worker.ts';
import { createHardwareFor } from '../workers/hardware-for.ts';
import { createWorkerTable } from '../workers/worker-table.ts';
import { countJob } from './count-job.ts';
import { createCounting } from './counting.ts';
import { deleteMedia } from './delete-media.ts';
import { cleanUpJob, endJob } from './end-job.ts';
import { fillQueue, type PublishChunk, taskClassOf } from './fill-queue.ts';
import { createGiveOut } from './give-out.ts';
import { type ProbeRun, planJob } from './plan-job.ts';
import { createPlanning } from './planning.ts';
import { reconcile } from './reconcile.ts';
import { startJob } from './start-job.ts';
import { createSweepPending } from './sweep-pending.ts';
import { takeBackLost } from './take-back.ts';
import { createTurns } from './turns.ts';

const dayMs = 86_400_000;
/** Sources whose loudness is measured at a time. */
const maxMeasured = 2;
/** How often one page of waiting chunks is looked at for those whose job is over. */
const sweepMs = 30_000;
/** How often it is looked whether workers are gone that hold chunks. */
const takeBackMs = 1_000;

/** What the planner is started with. */
export interface PlannerOptions {
  readonly mesh: Mesh;
  readonly stores: {
    readonly jobs: JobStore;
    readonly chunks: ChunkStore;
    readonly deletions: DeletionStore;
  };
  readonly early: EarlyStore;
  readonly objects: ObjectStore;
  readonly sources: SourceFiles;
  readonly tools: MediaTools;
  readonly pace: TranscodePace;
  /** How long a job waits for a worker with the hardware of its plan, milliseconds. */
  readonly hardwarePatienceMs: number;
}

/** A running planner. */
export interface Planner extends AsyncDisposable {
  readonly routes: (router: ConnectRouter) => void;
}

/** Starts the planner: it takes on generations, gives out chunks, counts them, and ends jobs. */
export async function startPlanner({
  mesh,
  stores,
  early: earlyJobs,
  objects,
  sources,
  tools,
  pace,
  hardwarePatienceMs,
}: PlannerOptions): Promise<Planner> {
  const { config, telemetry, bus } = mesh;
  const { inputs, retention, transcode } = config;
  const { logger } = telemetry;
  await using stack = new AsyncDisposableStack();

  const workers = createWorkerTable();
  stack.use(watchWorkers(bus, workers));
  const routeOf = (record: ChunkRecord) => ({
    class: taskClassOf(record),
    subjectSuffix: `${record.chunk.jobId}.${record.chunk.id}`,
  });
  const publish: PublishChunk = async (record, tryId) => {
    const { id: chunkId, jobId } = record.chunk;
    const route = { ...routeOf(record), id: `${chunkId}-${tryId}`, subjectId: jobId, source: 'transcode' };
    await publishTask(bus, EncodeChunkSchema, { chunkId, jobId }, route);
  };
  const encoder = ffmpegEncoder(tools, config, telemetry.tracer);
  const observers = { jobEnded: observeJobs(telemetry), ladderDecided: observeLadders(telemetry) };
  const probing = async <T>(probe: (options: ProbeOptions) => Promise<T>, signal: AbortSignal) => {
    await using scratch = await makeScratch(transcode.worker.scratchDirectory);
    return await probe({ tools, tracer: telemetry.tracer, scratchDirectory: scratch.path, signal });
  };
  const planned = {
    chunkSeconds: transcode.planner.chunkSeconds,
    hardwareFor: createHardwareFor(workers, logger),
    refuse: (source: SourceInfo) => refuseSource(inputs, source),
  };
  const early = stack.use(
    startEarly({
      ...{ ...stores, ...planned, mesh, pace, objects, publish, early: earlyJobs },
      probeArriving: (path, arrived, signal) =>
        probing((options) => probeArriving(path, arrived, sourceLimits(config), options), signal),
    }),
  );
  const shared = { ...stores, objects, publish, endEarly: early.endOf, ...observers };
  const { maxAttempts, reuse, urgentSegments, windowChunks } = transcode.planner;
  const fail = (jobId: string, failure: Failure) => endJob(shared, jobId, failed, failure);
  const fill = (record: JobRecord) => fillQueue({ ...shared, windowChunks }, record);
  const giveOut = createGiveOut({ ...shared, fillQueue: fill });
  const count = createCounting((jobId) =>
    countJob(
      {
        ...shared,
        addChunks: giveOut.addMissing,
        fillQueue: fill,
        endJob: fail,
        restart: async (id) => {
          if (await cleanUpJob(shared, id)) planning.soon(id);
        },
      },
      jobId,
    ),
  );
  const remove = async (media: MediaToGo) => {
    await stores.deletions.openDeletion(media);
    await deleteMedia(shared, media);
  };
  const planOne = {
    ...shared,
    sources,
    ...planned,
    reuse,
    maxAttempts,
    touchMs: pace.staleMs / 6,
    probe: (path: string, { signal, parts }: ProbeRun) =>
      probing((options) => probeSource(path, sourceLimits(config), { ...options, parts }), signal),
    measureLoudness: (
      sourcePath: string,
      source: SourceInfo,
      request: LoudnessRequest,
      signal: AbortSignal,
    ) => {
      const run = { sourcePath, signal, priority: 'now', mediaSeconds: source.durationSeconds } as const;
      return measureLoudness(source, request, encoder.options({ ...run, onSpeed: () => {} }));
    },
    endJob: fail,
    giveOut: giveOut.start,
  };
  const measuring = createTurns(maxMeasured);
  const planning = createPlanning({
    planJob: (jobId, signal, stepAside) => {
      const measure: typeof planOne.measureLoudness = async (...args) => {
        stepAside();
        return await measuring(() => planOne.measureLoudness(...args), signal);
      };
      return planJob({ ...planOne, measureLoudness: measure }, jobId, signal);
    },
    maxInBackground: 4,
    onFailure: (jobId, err) => logger.warn({ err, jobId }, 'job could not be planned yet'),
  });

  stack.use(
    consume(bus, {
      schema: GenerationRequestedSchema,
      durable: 'transcode-generation-requested',
      handler: async (message) => {
        const removing = { deleteMedia: (media: MediaToGo) => deleteMedia(shared, media) };
        const starting = startJob({ ...stores, ...removing, planJob: planning.now }, message);
        await Promise.all([starting, early.close(message.source?.objectKey ?? '')]);
      },
    }),
  );
  stack.use(
    consume(bus, {
      schema: ChunkFinishedSchema,
      durable: 'transcode-chunk-finished',
      handler: async ({ jobId }) => void (await Promise.all([count(jobId), early.goOn(jobId)])),
    }),
  );
  stack.use(
    consume(bus, {
      schema: ChunkDiedSchema,
      durable: 'transcode-chunk-died',
      handler: ({ jobId }) => count(jobId),
    }),
  );
  stack.use(
    consume(bus, {
      schema: AssetDeletionRequestedSchema,
      durable: 'transcode-asset-deletion-requested',
      handler: ({ assetId }) => remove({ assetId }),
    }),
  );
  stack.use(
    consume(bus, {
      schema: GenerationDeletionRequestedSchema,
      durable: 'transcode-generation-deletion-requested',
      handler: ({ assetId, generationId }) => remove({ assetId, generationId }),
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
            isInQueue: (record) => hasTask(bus, routeOf(record)),
            countJob: count,
            planSoon: planning.soon,
            workers,
            hardwarePatienceMs,
            logger,
            staleMs: pace.staleMs,
            // An event about a job that nobody remembers would make it anew.
            keepFinishedMs: Math.max(retention.finishedJobDays, retention.eventDays + 1) * dayMs,
            keepDeletionsMs: (retention.eventDays + 1) * dayMs,
          },
          signal,
        ),
    }),
  );
  stack.use(
    startReconciler({
      logger,
      // Somebody may be waiting for it.
      intervalMs: Math.min(pace.reconcileMs, takeBackMs),
      run: (signal) => takeBackLost({ ...shared, workers, maxAttempts, logger }, signal),
    }),
  );
  stack.use(
    startReconciler({
      logger,
      intervalMs: sweepMs,
      run: createSweepPending({ ...stores, staleMs: pace.staleMs }),
    }),
  );
  const feed = stack.use(createChangeFeed(bus, 'kerkis.event.transcode.*.*', { pollMs: 500 }));
  const stored = stack.use(createChangeFeed(bus, subjectOf(SegmentStoredSchema), { pollMs: 1_000 }));
  observeQueue(telemetry, () => queueLag(bus));
  // Ends before the consumers do: they wait for it.
  stack.use(planning);

  const running = stack.move();
  return {
    routes: transcodeRoutes({
      ...shared,
      takeEarly: (record, track, segment) => takeEarlySegment(shared, record, track, segment),
      workers,
      urgentSegments,
      nextChange: (jobId, signal) => feed.next(jobId, signal),
      nextStored: (objectKey, signal) => stored.next(objectKey, signal),
      planSoon: planning.soon,
    }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
