import { availableParallelism } from 'node:os';
import { SegmentStoredSchema } from '@kerkis/contracts/transcode/events';
import { announce, startRelay } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { locateMediaTools } from '@kerkis/media';
import type { Mesh, RunningService } from '@kerkis/mesh';
import { type GenerationPlace, initKey, segmentKey } from './domain/segment-keys.ts';
import { observeSlots, observeWorker } from './observe.ts';
import { startPlanner } from './planner/start-planner.ts';
import { openSourceFiles } from './source-files.ts';
import { chunkStore } from './store/chunks.ts';
import { deletionStore } from './store/deletions.ts';
import { jobStore } from './store/jobs.ts';
import { ffmpegEncoder } from './worker/ffmpeg-encoder.ts';
import { startWorker } from './worker/start-worker.ts';

/** How often things are looked after; tests quicken it. */
export interface TranscodePace {
  readonly reconcileMs: number;
  /** How long something may rest before it counts as stuck. */
  readonly staleMs: number;
  /** How long running chunks may finish when the worker stops. */
  readonly drainMs: number;
}

const usualPace: TranscodePace = { reconcileMs: 3_000, staleMs: 15_000, drainMs: 5_000 };

/** Starts transcode: the planner, the worker or both, as `transcode.role` says. */
export async function startTranscode(mesh: Mesh, pace: TranscodePace = usualPace): Promise<RunningService> {
  const { config, telemetry, bus } = mesh;
  const { role, worker } = config.transcode;
  await using stack = new AsyncDisposableStack();
  const [database, objects] = await Promise.all([mesh.database(), mesh.objects()]);
  const tools = await locateMediaTools({ sandbox: worker.sandbox });
  const sources = stack.use(await openSourceFiles(objects, worker.scratchDirectory));
  const stores = {
    jobs: jobStore(database),
    chunks: chunkStore(database),
    deletions: deletionStore(database),
  };
  const collections = [stores.jobs, stores.chunks, stores.deletions].map(({ collection }) => collection);
  stack.use(startRelay({ bus, collections }));

  const planner =
    role === 'worker'
      ? undefined
      : stack.use(await startPlanner({ mesh, stores, objects, sources, tools, pace }));
  const tell = ({ generationId }: GenerationPlace, objectKey: string, what = { track: '', segment: 0 }) =>
    announce(
      bus,
      SegmentStoredSchema,
      { generationId, ...what },
      { subjectId: objectKey, source: 'transcode' },
    );
  if (role !== 'planner') {
    const leaseMs = config.transcode.planner.leaseSeconds * 1000;
    const running = stack.use(
      startWorker(
        bus,
        {
          ...stores,
          objects,
          sources,
          scratchDirectory: worker.scratchDirectory,
          onStored: (place, track, segment) =>
            tell(place, segment === 0 ? initKey(place, track) : segmentKey(place, track, segment), {
              track,
              segment,
            }),
          onFileStored: tell,
          leaseMs,
          renewMs: Math.min(leaseMs / 3, 1_000),
          logger: telemetry.logger,
          observer: observeWorker(telemetry),
          encoder: ffmpegEncoder(tools, config, telemetry.tracer),
          workerId: newId('wrk'),
          maxAttempts: config.transcode.planner.maxAttempts,
        },
        { slots: worker.slots ?? availableParallelism(), drainMs: pace.drainMs },
      ),
    );
    observeSlots(telemetry, () => running.slots());
  }

  const running = stack.move();
  return {
    parts: { name: 'transcode', telemetry, routes: planner?.routes ?? (() => {}) },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
