import { subjectOf } from '@kerkis/contracts';
import {
  GenerationDeletedSchema,
  JobFailedSchema,
  JobFinishedSchema,
  JobPlannedSchema,
  JobRestartedSchema,
  MediaDeletedSchema,
  TrackFinishedSchema,
  TracksRevisedSchema,
} from '@kerkis/contracts/transcode/events';
import {
  SourceDeletedSchema,
  UploadCompletedSchema,
  UploadFailedSchema,
} from '@kerkis/contracts/upload/events';
import { consume, startRelay } from '@kerkis/events';
import { createChangeFeed, type Mesh, type RunningService, startReconciler } from '@kerkis/mesh';
import { onGenerationDeleted } from './consumers/generation-deleted.ts';
import { onJobFailed } from './consumers/job-failed.ts';
import { onJobFinished } from './consumers/job-finished.ts';
import { onJobPlanned } from './consumers/job-planned.ts';
import { onJobRestarted } from './consumers/job-restarted.ts';
import { onObjectsDeleted } from './consumers/objects-deleted.ts';
import { onTrackFinished } from './consumers/track-finished.ts';
import { onTracksRevised } from './consumers/tracks-revised.ts';
import { onUploadCompleted } from './consumers/upload-completed.ts';
import { onUploadFailed } from './consumers/upload-failed.ts';
import { configuredProfiles } from './domain/configured-profiles.ts';
import { reconcile } from './reconcile.ts';
import { catalogRoutes } from './rpc/routes.ts';
import { assetStore } from './store/assets.ts';
import { generationStore } from './store/generations.ts';
import { profileStore } from './store/profiles.ts';
import { signingKeyStore } from './store/signing-keys.ts';

/** How often the reconciler looks, and how long something may rest before it is woken up. */
export interface CatalogPace {
  readonly reconcileMs: number;
  readonly staleMs: number;
}

const minuteMs = 60_000;

/** Starts the catalog: the record of assets, generations, profiles and playback IDs. */
export async function startCatalog(
  { config, telemetry, bus, ...mesh }: Mesh,
  pace: CatalogPace = { reconcileMs: 10_000, staleMs: 60_000 },
): Promise<RunningService> {
  await using stack = new AsyncDisposableStack();
  const database = await mesh.database();
  const assets = assetStore(database);
  const generations = generationStore(database);
  const profiles = profileStore(database, configuredProfiles(config.profiles));
  const signingKeys = signingKeyStore(database);
  const graceMs = config.retention.supersededGenerationMinutes * minuteMs;
  const stores = { assets, generations, profiles, defaultProfile: config.defaultProfile };

  stack.use(
    startRelay({ bus, collections: [assets.collection, generations.collection, signingKeys.collection] }),
  );
  const feed = stack.use(createChangeFeed(bus, 'kerkis.event.catalog.asset.*'));

  const consumed = <S extends Parameters<typeof consume>[1]['schema']>(
    schema: S,
    handler: Parameters<typeof consume<S>>[1]['handler'],
  ) => stack.use(consume(bus, { schema, handler, durable: durableName(subjectOf(schema)) }));

  consumed(UploadCompletedSchema, (message) => onUploadCompleted(stores, message));
  consumed(UploadFailedSchema, (message) => onUploadFailed(assets, message));
  consumed(JobPlannedSchema, (message) => onJobPlanned(stores, message));
  consumed(TrackFinishedSchema, (message) => onTrackFinished(stores, message));
  consumed(TracksRevisedSchema, (message) => onTracksRevised(stores, message));
  consumed(JobFinishedSchema, (message) => onJobFinished(stores, message));
  consumed(JobFailedSchema, (message) => onJobFailed(stores, message));
  consumed(JobRestartedSchema, (message) => onJobRestarted(stores, message));
  consumed(GenerationDeletedSchema, (message) => onGenerationDeleted(generations, message));
  consumed(SourceDeletedSchema, ({ assetId }) => onObjectsDeleted(stores, 'upload', assetId));
  consumed(MediaDeletedSchema, ({ assetId }) => onObjectsDeleted(stores, 'transcode', assetId));

  stack.use(
    startReconciler({
      intervalMs: pace.reconcileMs,
      logger: telemetry.logger,
      run: (signal) => {
        const nowMs = Date.now();
        const before = { stale: new Date(nowMs - pace.staleMs), superseded: new Date(nowMs - graceMs) };
        return reconcile({ ...stores, logger: telemetry.logger }, before, signal);
      },
    }),
  );

  const running = stack.move();
  return {
    parts: {
      name: 'catalog',
      telemetry,
      routes: catalogRoutes({ ...stores, signingKeys, nextChange: (id, signal) => feed.next(id, signal) }),
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** `kerkis.event.upload.upload.completed` is consumed as `catalog-upload-completed`. */
function durableName(subject: string): string {
  const [, , , entity, verb] = subject.split('.');
  return `catalog-${entity}-${verb?.replaceAll('_', '-')}`;
}
