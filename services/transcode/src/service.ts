import { availableParallelism } from 'node:os';
import { SegmentStoredSchema } from '@kerkis/contracts/transcode/events';
import { announce, startRelay } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { findHardware, type Hardware, locateMediaTools, type MediaTools } from '@kerkis/media';
import { type Mesh, type RunningService, version } from '@kerkis/mesh';
import { type GenerationPlace, initKey, segmentKey } from './domain/segment-keys.ts';
import { earlyMedia } from './early/early-media.ts';
import { earlyStore } from './early/early-store.ts';
import { observeEarlyTaken } from './early/observe-early.ts';
import { observeSlots, observeWorker } from './observe.ts';
import { startPlanner } from './planner/start-planner.ts';
import { openSourceFiles } from './source-files.ts';
import { chunkStore } from './store/chunks.ts';
import { deletionStore } from './store/deletions.ts';
import { jobStore } from './store/jobs.ts';
import { ffmpegEncoder } from './worker/ffmpeg-encoder.ts';
import { startWorker } from './worker/start-worker.ts';
import { announceWorker } from './workers/announce-worker.ts';

/** How often things are looked after; tests quicken it. */
export interface TranscodePace {
  readonly reconcileMs: number;
  /** How long something may rest before it counts as stuck. */
  readonly staleMs: number;
  /** How long running chunks may finish when the worker stops. */
  readonly drainMs: number;
}

const usualPace: TranscodePace = { reconcileMs: 3_000, staleMs: 15_000, drainMs: 5_000 };

/** Encoders in hardware and the workers that have them; tests have no device. */
export interface HardwareOptions {
  readonly find: (tools: MediaTools) => Promise<Hardware>;
  /** How often a worker says that it is there. */
  readonly announceMs: number;
  /** How long a job waits for a worker with the hardware of its plan before it is made again in software. */
  readonly patienceMs: number;
}

const usualHardware: HardwareOptions = { find: findHardware, announceMs: 1_000, patienceMs: 60_000 };

/** Starts transcode: the planner, the worker or both, as `transcode.role` says. */
export async function startTranscode(
  mesh: Mesh,
  pace: TranscodePace = usualPace,
  hardwareOptions: HardwareOptions = usualHardware,
): Promise<RunningService> {
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
  const early = earlyStore(database);
  const collections = [stores.jobs, stores.chunks, stores.deletions].map(({ collection }) => collection);
  stack.use(startRelay({ bus, collections }));

  const planner =
    role === 'worker'
      ? undefined
      : stack.use(
          await startPlanner({
            ...{ mesh, stores, early, objects, sources, tools, pace },
            hardwarePatienceMs: hardwareOptions.patienceMs,
          }),
        );
  const tell = ({ generationId }: GenerationPlace, objectKey: string, what = { track: '', segment: 0 }) =>
    announce(
      bus,
      SegmentStoredSchema,
      { generationId, ...what },
      { subjectId: objectKey, source: 'transcode' },
    );
  const onStored = (place: GenerationPlace, track: string, segment: number) => {
    const key = segment === 0 ? initKey(place, track) : segmentKey(place, track, segment);
    tell(place, key, { track, segment });
  };
  if (role !== 'planner') {
    const hardware = await hardwareOptions.find(tools);
    const encoders = [...hardware.encoders];
    if (encoders.length > 0) telemetry.logger.info({ encoders }, 'encoders in hardware');
    const workerId = newId('wrk');
    const slots = worker.slots ?? availableParallelism();
    const leaseMs = config.transcode.planner.leaseSeconds * 1000;
    const running = startWorker(
      bus,
      {
        ...stores,
        ...earlyMedia({ ...stores, early, objects, onStored, earlyTaken: observeEarlyTaken(telemetry) }),
        objects,
        sources,
        scratchDirectory: worker.scratchDirectory,
        onStored,
        onFileStored: tell,
        leaseMs,
        renewMs: Math.min(leaseMs / 3, 1_000),
        logger: telemetry.logger,
        observer: observeWorker(telemetry),
        encoder: ffmpegEncoder(tools, config, telemetry.tracer, hardware),
        hardware,
        workerId,
        maxAttempts: config.transcode.planner.maxAttempts,
      },
      { slots, drainMs: pace.drainMs },
    );
    observeSlots(telemetry, () => running.slots());
    const announcer = stack.use(
      announceWorker(
        bus,
        { id: workerId, version, slots, encoders },
        () => ({
          busySlots: running.slots().find(({ kind }) => kind === 'any')?.busy ?? 0,
          chunkIds: running.chunkIds(),
        }),
        hardwareOptions.announceMs,
      ),
    );
    stack.use(running);
    stack.defer(() => announcer.drain());
  }

  const running = stack.move();
  return {
    parts: { name: 'transcode', telemetry, routes: planner?.routes ?? (() => {}) },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
