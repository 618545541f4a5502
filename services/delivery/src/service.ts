import { subjectOf } from '@kerkis/contracts';
import { GenerationService, PlaybackService, SigningKeyService } from '@kerkis/contracts/catalog';
import { AssetDeletedSchema, AssetDeletionRequestedSchema } from '@kerkis/contracts/catalog/events';
import { SegmentService } from '@kerkis/contracts/transcode';
import { SegmentStoredSchema } from '@kerkis/contracts/transcode/events';
import { watch } from '@kerkis/events';
import { type Mesh, type RunningService, startReconciler } from '@kerkis/mesh';
import { createAdmission } from './access/admission.ts';
import { viewsOf } from './access/playbacks.ts';
import { createSigningKeys } from './access/signing-keys.ts';
import { createVerdicts } from './access/verdicts.ts';
import { createBeaconDesk } from './beacons/desk.ts';
import { startEdges } from './edges/start-edges.ts';
import { createDescribeProtection } from './encryption/manifest-keys.ts';
import { createProtectedSegments } from './encryption/protected-segments.ts';
import { createProtect } from './encryption/protection.ts';
import { firstPlaybacks } from './first-playback.ts';
import { createEdge } from './http/edge.ts';
import { createManifests } from './http/manifests.ts';
import type { WaitOutcome } from './media/on-demand.ts';
import { openMedia } from './media/open-media.ts';
import { createSegments } from './media/segments.ts';
import { createThumbnails } from './media/thumbnails.ts';
import { createObserver, type DeliveryObserver } from './observe.ts';
import { deliveryRoutes } from './rpc/routes.ts';
import { generationLookup, playbackLookup } from './store/catalog-lookups.ts';

/** How often the edge renews its lease. Default: three times in its time. */
export interface DeliveryPace {
  readonly announceMs?: number;
}

/** A revoked key is void within five seconds, even when the event of it is lost. */
const keysMs = 2_500;

/** Starts an edge: manifests, segments, posters and the player page for viewers, and the Routing API. */
export async function startDelivery(mesh: Mesh, pace: DeliveryPace = {}): Promise<RunningService> {
  const { config, telemetry, bus } = mesh;
  await using stack = new AsyncDisposableStack();
  const metrics = createObserver(telemetry);
  const ttlSeconds = config.delivery.manifestTtlSeconds;

  const looked = (tier: Parameters<typeof metrics.looked>[0]) => (result: 'hit' | 'miss' | 'stale') =>
    metrics.looked(tier, result);
  const playbacks = playbackLookup(mesh.client('catalog', PlaybackService), ttlSeconds, looked('playback'));
  const generations = generationLookup(mesh.client('catalog', GenerationService), looked('generation'));
  const deletions: readonly string[] = [AssetDeletionRequestedSchema.typeName, AssetDeletedSchema.typeName];
  stack.use(
    watch(
      bus,
      'kerkis.event.catalog.asset.*',
      (wake) => {
        for (const lookup of [playbacks, generations]) {
          if (wake.type === 'reconnected') lookup.invalidateAll();
          else lookup.invalidate(wake.event.subjectId, deletions.includes(wake.event.type));
        }
      },
      { traced: true },
    ),
  );

  const keyring = mesh.client('catalog', SigningKeyService);
  const keys = createSigningKeys({
    list: async () => (await keyring.listSigningKeys({ pageSize: 200 }, { timeoutMs: 2_500 })).signingKeys,
    logger: telemetry.logger,
  });
  stack.use(watch(bus, 'kerkis.event.catalog.key.*', () => void keys.refresh()));
  const askForKeys = async () => {
    await keys.refresh();
    return 0;
  };
  stack.use(startReconciler({ intervalMs: keysMs, logger: telemetry.logger, run: askForKeys }));
  void keys.refresh();
  const { publicUrl } = config.server;
  const admit = createAdmission({
    verdicts: createVerdicts({
      keys,
      audience: config.delivery.tokenAudience,
      observe: looked('token'),
    }),
    clockSkewSeconds: config.delivery.tokenClockSkewSeconds,
    trustedProxies: config.delivery.trustedProxies,
    ownHost: publicUrl === undefined ? undefined : URL.parse(publicUrl)?.hostname,
  });

  const store = await mesh.objects();
  const { logger } = telemetry;
  const edges = stack.use(startEdges({ config, bus, store, logger, renewMs: pace.announceMs }));
  const observer: DeliveryObserver = {
    ...metrics,
    answered(request) {
      metrics.answered(request);
      edges.answered(request.bytes);
    },
    recalled(route, method, status, bytes) {
      metrics.recalled(route, method, status, bytes);
      edges.answered(bytes);
    },
  };

  const {
    objects,
    ahead,
    http: fill,
  } = stack.use(
    await openMedia({
      config,
      store,
      telemetry,
      edges,
      observe: looked('object'),
    }),
  );
  const transcode = mesh.client('transcode', SegmentService);
  const waitMs = config.delivery.segmentWaitSeconds * 1000;
  const waitedFor = (what: Parameters<typeof observer.waited>[0]) => ({
    objects,
    waitMs,
    observe: (outcome: WaitOutcome, durationMs: number) => observer.waited(what, outcome, durationMs),
  });
  const segments = createSegments({
    ...waitedFor('segment'),
    ahead,
    ensure: (request, options) => transcode.ensureSegment(request, options),
  });
  const thumbnails = createThumbnails({
    ...waitedFor('thumbnail'),
    ensure: (request, options) => transcode.ensureThumbnail(request, options),
  });

  // A wake-up may come late or never: what is thought not to be there is looked for again soon anyway.
  stack.use(
    watch(bus, subjectOf(SegmentStoredSchema), (wake) => {
      if (wake.type !== 'event') return;
      for (const each of [objects, segments, thumbnails]) each.stored(wake.event.subjectId);
    }),
  );

  stack.use(
    watch(bus, 'kerkis.event.catalog.asset.*', (wake) => {
      if (wake.type === 'event' && deletions.includes(wake.event.type)) objects.forget(wake.event.subjectId);
    }),
  );

  const { encryption, memoryCacheBytes } = config.delivery;
  const view = viewsOf(playbacks, generations, admit, createProtect(encryption.secret));
  const manifests = createManifests(looked('manifest'));
  const { corsOrigins } = config.delivery;
  const edge = createEdge({
    view,
    admit,
    playbacks,
    manifests,
    segments: createProtectedSegments({ segments, objects, cacheBytes: memoryCacheBytes / 4 }),
    describeProtection: createDescribeProtection(encryption.systems, publicUrl),
    thumbnails,
    objects,
    edges: edges.table,
    ttlSeconds,
    began: firstPlaybacks(telemetry.tracer),
    beacons: createBeaconDesk({ telemetry, trustedProxies: config.delivery.trustedProxies }),
    embedOrigins: config.delivery.embedOrigins,
    corsOrigins,
    telemetry,
    observer,
  });
  const running = stack.move();
  return {
    parts: {
      name: 'delivery',
      telemetry,
      routes: deliveryRoutes({
        playbacks,
        edges: edges.table,
        leases: edges.leases,
        bus,
        publicUrl: config.server.publicUrl,
      }),
      http: [...fill, edge.http],
      fast: edge.fast,
      onDrain: () => edges.drain(),
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
