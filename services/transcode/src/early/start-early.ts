import { AssetService, ProfileService } from '@kerkis/contracts/catalog';
import {
  type SourceArriving,
  SourceArrivingSchema,
  UploadFailedSchema,
} from '@kerkis/contracts/upload/events';
import { consume, queueLag, watchAnnouncements } from '@kerkis/events';
import { type Mesh, startReconciler } from '@kerkis/mesh';
import type { TranscodePace } from '../service.ts';
import { earlyJobId, uploadIdOf } from './early-job.ts';
import type { EarlyStore } from './early-store.ts';
import { closeEarly, endEarly, endEarlyOf } from './end-early.ts';
import { giveOutEarly } from './give-out-early.ts';
import { type HearArrivalDependencies, hearArrival } from './hear-arrival.ts';
import { observeEarly } from './observe-early.ts';
import { type ReconcileEarlyDependencies, reconcileEarly } from './reconcile-early.ts';

/** Work on sources that are still on their way. */
export interface Early extends AsyncDisposable {
  /** A chunk has ended that may be of early work. */
  goOn(jobId: string): Promise<void>;
  /** The source under this key is complete. */
  close(objectKey: string): Promise<void>;
  /** An asset is to go. False while a worker may still be writing. */
  endOf(assetId: string): Promise<boolean>;
}

/** What early work is started with. */
export interface EarlyOptions
  extends Pick<
      HearArrivalDependencies,
      'chunkSeconds' | 'chunks' | 'hardwareFor' | 'objects' | 'probeArriving'
    >,
    Pick<HearArrivalDependencies, 'deletions' | 'publish' | 'refuse'>,
    Pick<ReconcileEarlyDependencies, 'jobs'> {
  readonly mesh: Mesh;
  readonly early: EarlyStore;
  readonly pace: TranscodePace;
}

/** Uploads that are looked after at a time; of others only the next word counts. */
const maxInWork = 4;

/** Begins to listen for sources that arrive, and looks after what was begun. */
export function startEarly({ mesh, pace, ...options }: EarlyOptions): Early {
  const { bus, config, telemetry } = mesh;
  const { logger } = telemetry;
  using stack = new DisposableStack();
  const leaving = new AbortController();
  const deps = {
    ...options,
    assets: mesh.client('catalog', AssetService),
    profiles: mesh.client('catalog', ProfileService),
    queueLag: () => queueLag(bus),
    begun: observeEarly(telemetry),
    logger,
    askMs: pace.staleMs * 4,
  };
  const inWork = new Map<string, { next: SourceArriving | undefined; done: Promise<void> }>();

  function hear(arriving: SourceArriving): void {
    const known = inWork.get(arriving.uploadId);
    if (known) known.next = arriving;
    else if (inWork.size < maxInWork) {
      const work = { next: undefined as SourceArriving | undefined, done: Promise.resolve() };
      inWork.set(arriving.uploadId, work);
      work.done = heed(arriving, work).finally(() => inWork.delete(arriving.uploadId));
    }
  }

  async function heed(first: SourceArriving, work: { next: SourceArriving | undefined }): Promise<void> {
    for (let arriving: SourceArriving | undefined = first; arriving && !leaving.signal.aborted; ) {
      const { uploadId } = arriving;
      try {
        await hearArrival(deps, arriving, leaving.signal);
      } catch (err) {
        // Only time is lost.
        logger.debug({ err, uploadId }, 'early work could not go on');
      }
      arriving = work.next;
      work.next = undefined;
    }
  }

  if (config.transcode.planner.encodeWhileUploading && options.objects.growing)
    stack.use(watchAnnouncements(bus, SourceArrivingSchema, hear));
  const failures = consume(bus, {
    schema: UploadFailedSchema,
    durable: 'transcode-upload-failed',
    handler: async ({ uploadId }) => void (await endEarly(deps, earlyJobId(uploadId))),
  });
  const reconciler = startReconciler({
    logger,
    intervalMs: pace.reconcileMs,
    run: (signal) => reconcileEarly(deps, signal),
  });
  const listening = stack.move();
  return {
    goOn: (jobId) => giveOutEarly(deps, jobId),
    close: (objectKey) => closeEarly(deps, earlyJobId(uploadIdOf(objectKey))),
    endOf: (assetId) => endEarlyOf(deps, assetId),
    async [Symbol.asyncDispose]() {
      leaving.abort();
      listening.dispose();
      await Promise.all([reconciler[Symbol.asyncDispose](), failures[Symbol.asyncDispose]()]);
      await Promise.all([...inWork.values()].map(({ done }) => done));
    },
  };
}
