import { AssetService } from '@kerkis/contracts/catalog';
import { AssetDeletionRequestedSchema } from '@kerkis/contracts/catalog/events';
import { consume, startRelay } from '@kerkis/events';
import { type Mesh, type RunningService, startReconciler } from '@kerkis/mesh';
import { onAssetDeletionRequested } from './consumers/asset-deletion-requested.ts';
import { createChecksumReader } from './ending/checksum-reader.ts';
import { createFinisher } from './ending/finisher.ts';
import { createSourceHashes } from './hashing/source-hashes.ts';
import { createImporter } from './import/importer.ts';
import { createArrivals } from './intake/announce-arrival.ts';
import { createWriters } from './intake/writers.ts';
import { createObserve } from './observe.ts';
import { reconcile } from './reconcile.ts';
import { uploadRoutes } from './rpc/routes.ts';
import { deletionStore } from './store/deletions.ts';
import { sessionStore } from './store/sessions.ts';
import { sweepOrphans } from './sweep-orphans.ts';
import { tusHandler } from './tus/handler.ts';

/** How often the service looks after what does not move, and how long that may be. All in milliseconds. */
export interface UploadPace {
  readonly reconcileMs: number;
  /** How long work may rest before somebody else goes on with it. */
  readonly staleMs: number;
  /** How long a writer that is silent keeps its session. */
  readonly leaseMs: number;
  /** How long a session without bytes lives. Default: as configured. */
  readonly ttlMs?: number;
  /** How old a multipart upload that no session knows must be, to be aborted. */
  readonly orphanMs: number;
  /** How often such ones are looked for. */
  readonly sweepMs: number;
}

const hourMs = 3_600_000;
const usualPace: UploadPace = {
  reconcileMs: 10_000,
  staleMs: 10_000,
  leaseMs: 10_000,
  orphanMs: 24 * hourMs,
  sweepMs: hourMs,
};

/** Starts the upload service: the ways for a file to become the source of an asset. */
export async function startUpload(
  { config, telemetry, bus, auth, ...mesh }: Mesh,
  pace: UploadPace = usualPace,
): Promise<RunningService> {
  await using stack = new AsyncDisposableStack();
  const [database, objects] = await Promise.all([mesh.database(), mesh.objects()]);
  const { maxSizeBytes, partSizeBytes, checksumAlgorithms, import: imports } = config.upload;
  const keepFailedMs = config.retention.failedUploadHours * hourMs;
  const { leaseMs, ttlMs = config.upload.sessionTtlHours * hourMs } = pace;
  const base = {
    objects,
    telemetry,
    sessions: sessionStore(database, { staleMs: pace.staleMs, keepFailedMs }),
    deletions: deletionStore(database),
    catalog: mesh.client('catalog', AssetService),
    observe: createObserve(telemetry),
    hashes: stack.use(createSourceHashes(objects)),
    arrivals: createArrivals(bus, objects),
    maxSizeBytes,
    partSizeBytes,
    checksumAlgorithms,
    leaseMs,
    ttlMs,
  };
  const { sessions, deletions } = base;
  stack.use(startRelay({ bus, collections: [sessions.collection, deletions.collection] }));

  const writers = createWriters(base);
  stack.defer(() => writers.drained());
  const checksumReader = stack.use(createChecksumReader(base));
  const finisher = stack.use(createFinisher({ ...base, checksumReader }));
  const limits = {
    ...imports,
    maxSizeBytes: Math.min(imports.maxSizeBytes, maxSizeBytes),
    timeoutMs: imports.timeoutSeconds * 1000,
  };
  const importer = stack.use(createImporter({ ...base, writers, finisher, limits }));
  const all = { ...base, writers, finisher, checksumReader, importer, importEnabled: imports.enabled };

  stack.use(
    consume(bus, {
      schema: AssetDeletionRequestedSchema,
      durable: 'upload-asset-deletion-requested',
      handler: ({ assetId }) => onAssetDeletionRequested(all, assetId),
    }),
  );
  const { logger } = telemetry;
  stack.use(
    startReconciler({
      intervalMs: pace.reconcileMs,
      logger,
      run: () => reconcile({ ...all, logger }),
    }),
  );
  stack.use(
    startReconciler({
      intervalMs: pace.sweepMs,
      logger,
      run: () => sweepOrphans(all, new Date(Date.now() - pace.orphanMs)),
    }),
  );

  const running = stack.move();
  return {
    parts: {
      name: 'upload',
      telemetry,
      routes: uploadRoutes(all),
      http: [
        tusHandler({
          ...all,
          auth,
          corsOrigins: config.server.corsOrigins,
          publicUrl: config.server.publicUrl,
        }),
      ],
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
