import type { KerkisConfig } from '@kerkis/config';
import type { ObjectStore } from '@kerkis/objects';
import type { HttpHandler } from '@kerkis/rpc';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import { createCounts } from '../cache/counts.ts';
import { openDiskCache } from '../cache/disk-cache.ts';
import { observeTiers } from '../cache/observe-tiers.ts';
import { createOrigin } from '../cache/origin.ts';
import { createRamCache } from '../cache/ram-cache.ts';
import type { EdgeTable } from '../edges/edge-table.ts';
import { fillHandler } from '../fill/handler.ts';
import { createPeers, fillable } from '../fill/peers.ts';
import { createSeal } from '../fill/seal.ts';
import { createMediaObjects, type MediaObjects, type MediaObjectsOptions } from './media-objects.ts';
import { createReadAhead, type ReadAhead } from './read-ahead.ts';

/** Stored objects behind all tiers. */
export interface Media extends AsyncDisposable {
  readonly objects: MediaObjects;
  readonly ahead: ReadAhead;
  /** What other edges ask. None where no secret of the mesh is known. */
  readonly http: readonly HttpHandler[];
}

/** What the tiers stand on. */
export interface MediaOptions extends Pick<MediaObjectsOptions, 'observe'> {
  readonly config: Pick<KerkisConfig, 'delivery' | 'auth'>;
  readonly store: Pick<ObjectStore, 'get'>;
  readonly telemetry: ServiceTelemetry;
  readonly edges: { readonly table: Pick<EdgeTable, 'all'>; readonly ownId: string | undefined };
}

/** Reads from the store at a time: each may take as much memory as the largest object that is kept as a whole. */
const maxReads = 32;

/** Opens the caches that are configured. */
export async function openMedia({ config, store, telemetry, edges, observe }: MediaOptions): Promise<Media> {
  await using stack = new AsyncDisposableStack();
  const {
    memoryCacheBytes,
    diskCacheBytes,
    diskCacheDirectory,
    edgeFill,
    readAhead,
    region = '',
  } = config.delivery;
  const { tracer, logger } = telemetry;
  const counts = createCounts();
  const disk =
    diskCacheBytes > 0
      ? stack.use(
          await openDiskCache({
            directory: diskCacheDirectory,
            capacityBytes: diskCacheBytes,
            counts: counts.disk,
            logger,
          }),
        )
      : undefined;
  const ram = createRamCache({
    capacityBytes: memoryCacheBytes,
    counts: counts.ram,
    onUsed: disk && ((name) => disk.touch(name)),
  });
  observeTiers(telemetry, counts, { ram: () => ram.sizeBytes, ...(disk && { disk: () => disk.sizeBytes }) });

  const { meshToken } = config.auth;
  const seal = edgeFill && meshToken !== undefined ? createSeal(meshToken) : undefined;
  const list = () => fillable(edges.table.all());
  const peers =
    seal && stack.use(createPeers({ list, ownId: edges.ownId, region, seal, tracer, counts: counts.peer }));
  const origin = createOrigin({ store, tracer, counts: counts.origin, maxReads });
  const objects = createMediaObjects({ ram, disk, peers, origin, observe });
  const running = stack.move();
  return {
    objects,
    ahead: readAhead ? createReadAhead(objects) : { taken: () => undefined },
    http: seal ? [fillHandler({ here: (wanted) => objects.here(wanted), seal, telemetry })] : [],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
