import { KerkisError } from '@kerkis/errors';
import { chooseEdge, type RoutableEdge } from '../domain/rendezvous.ts';

/** An edge that announced itself. */
export interface KnownEdge extends RoutableEdge {
  /** Where viewers reach it, without a slash at the end. */
  readonly url: string;
}

/** The edges that are there now, as their announcements tell. */
export interface EdgeTable {
  heard(edge: KnownEdge, draining: boolean): void;
  /** The edges heard of within the last ten seconds, by id. */
  list(): KnownEdge[];
  /** The edge for a playback ID. `unavailable` NO_EDGE_AVAILABLE. */
  route(playbackId: string, region: string): KnownEdge;
}

const silenceMs = 10_000;
/** More edges than any mesh has: a bound for what NATS may tell. */
const maxEdges = 10_000;

export function createEdgeTable(now: () => number = Date.now): EdgeTable {
  const edges = new Map<string, KnownEdge & { readonly heardMs: number }>();

  function list(): KnownEdge[] {
    for (const { id, heardMs } of edges.values()) if (now() - heardMs > silenceMs) edges.delete(id);
    return [...edges.values()]
      .map(({ id, url, region }) => ({ id, url, region }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  return {
    list,
    heard(edge, draining) {
      if (draining || !isServable(edge.url)) edges.delete(edge.id);
      else if (edges.has(edge.id) || edges.size < maxEdges) edges.set(edge.id, { ...edge, heardMs: now() });
    },
    route(playbackId, region) {
      const edge = chooseEdge(list(), playbackId, region);
      if (edge) return edge;
      throw new KerkisError(
        'unavailable',
        'NO_EDGE_AVAILABLE',
        'No edge has announced itself within the last 10 seconds.',
      );
    },
  };
}

function isServable(url: string): boolean {
  return /^https?:\/\/[^/\s]/.test(url) && URL.canParse(url);
}
