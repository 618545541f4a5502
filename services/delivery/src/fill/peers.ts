import { type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { SpanKind } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import type { TierCounts } from '../cache/counts.ts';
import type { Fetched, Wanted } from '../cache/origin.ts';
import { chooseEdge } from '../domain/rendezvous.ts';
import type { EdgeStanding } from '../edges/edge-table.ts';
import type { KnownEdge } from '../edges/known-edge.ts';
import { createFillClient, type FillClient } from './client.ts';
import type { Seal } from './seal.ts';

/** An edge. */
export type Peer = Pick<KnownEdge, 'id' | 'region' | 'url'>;

/** The other edges as a cache in front of the store: each piece belongs to one of them, which reads it once for all. */
export interface Peers extends AsyncDisposable {
  /** The edge to which a piece belongs. Undefined when that is this one, or there is no other. */
  ownerOf(name: string): Peer | undefined;
  /** Asks the owner. Undefined when it gives no answer that counts: then the store is to be read. `not_found` OBJECT_NOT_FOUND. */
  fetch(owner: Peer, wanted: Wanted): Promise<Fetched | undefined>;
}

/** What finds and asks them. */
export interface PeersOptions {
  /** The edges that could be asked now, this one among them. */
  readonly list: () => readonly Peer[];
  readonly ownId: string | undefined;
  /** Owners are sought among the edges of this region first, so that each region reads the store once. */
  readonly region: string;
  readonly seal: Seal;
  readonly tracer: ServiceTelemetry['tracer'];
  readonly counts: TierCounts;
  readonly client?: FillClient;
}

/** An edge that did not answer is not asked for so long; its share belongs to the others meanwhile. */
const avoidMs = 3_000;

export function createPeers(options: PeersOptions): Peers {
  const { list, ownId, region, seal, tracer, counts, client = createFillClient(seal) } = options;
  const avoided = new LRUCache<string, true>({ max: 1_000, ttl: avoidMs });
  return {
    ownerOf(name) {
      const edges = list();
      if (edges.length === 0 || (edges.length === 1 && edges[0]?.id === ownId)) return undefined;
      const asked = edges.filter(({ id }) => id === ownId || !avoided.has(id));
      const owner = chooseEdge(asked, name, region);
      return owner?.id === ownId ? undefined : owner;
    },
    fetch: (owner, wanted) =>
      withSpan(
        tracer,
        'object fill',
        {
          kind: SpanKind.CLIENT,
          attributes: { 'kerkis.object.key': wanted.key, 'kerkis.edge.id': owner.id },
        },
        async (span) => {
          const answer = await client.ask(owner.url, wanted);
          if (answer.kind === 'pieces') {
            counts.hits += 1;
            counts.bytes += answer.pieces.reduce((sum, { bytes }) => sum + (bytes?.byteLength ?? 0), 0);
            return answer.pieces;
          }
          if (answer.kind === 'absent') {
            counts.misses += 1;
            throw answer.error;
          }
          counts.failures += 1;
          avoided.set(owner.id, true);
          span.setAttribute('kerkis.fill.failure', answer.reason);
          return undefined;
        },
      ),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/**
 * The edges that can own pieces: also those that have too much to do, or a piece would be read once more each time that its owner is busy for
 * a moment; but none that leaves, and none without the store.
 */
export function fillable(standings: readonly EdgeStanding[]): Peer[] {
  return standings.flatMap(({ edge, isDraining }) =>
    isDraining || edge.isOrigin || !['', 'OVER_CAPACITY'].includes(edge.notReadyReason) ? [] : [edge],
  );
}
