import { KerkisError } from '@kerkis/errors';
import { rankEdges } from '../domain/rendezvous.ts';
import type { KnownEdge } from './known-edge.ts';

/** An edge and what this process knows about it. */
export interface EdgeStanding {
  /** Its `notReadyReason` also tells what this process sees. */
  readonly edge: KnownEdge;
  readonly isDraining: boolean;
}

/** Where a playback ID is served now. */
interface Routes {
  /** Edges, the best first. */
  readonly edges: KnownEdge[];
  /** Live origins that hold it. */
  readonly origins: KnownEdge[];
}

/** The edges that are there now, as their announcements and leases tell. */
export interface EdgeTable {
  /** An edge says that it serves: it counts for `keepMs` from now on, by default as long as a lease. */
  heard(edge: KnownEdge, draining: boolean, keepMs?: number): void;
  /** Whether it was heard of within the time of a lease. */
  has(id: string): boolean;
  /** All of them, by id. */
  all(): EdgeStanding[];
  /** The edges that take viewers: ready ones, or those that are not when no edge is. By id. */
  list(): KnownEdge[];
  /** The edge for a playback ID. `unavailable` NO_EDGE_AVAILABLE. */
  route(playbackId: string, region: string): KnownEdge;
  /** All that serve a playback ID. `unavailable` NO_EDGE_AVAILABLE when there is none. */
  rank(playbackId: string, region: string): Routes;
}

/** What the table stands on. */
export interface EdgeTableOptions {
  /** An edge that is silent for so long is gone. */
  readonly leaseMs: number;
  /** Whether this process sees that an edge does not answer any more. */
  readonly isCut?: (id: string) => boolean;
  /** While this is false nobody can be heard: what is known stays. */
  readonly isListening?: () => boolean;
  readonly now?: () => number;
}

/** More edges than any mesh has: a bound for what NATS may tell. */
const maxEdges = 10_000;

export function createEdgeTable(options: EdgeTableOptions): EdgeTable {
  const { leaseMs, isCut = () => false, isListening = () => true, now = Date.now } = options;
  const edges = new Map<string, EdgeStanding & { untilMs: number }>();
  let deafSinceMs: number | undefined;

  function forgetSilent(): void {
    if (!isListening()) {
      deafSinceMs ??= now();
      return;
    }
    // Who could not be heard was not silent.
    const deafMs = deafSinceMs === undefined ? 0 : now() - deafSinceMs;
    deafSinceMs = undefined;
    for (const [id, known] of edges) {
      known.untilMs += deafMs;
      if (known.untilMs < now()) edges.delete(id);
    }
  }

  function all(): EdgeStanding[] {
    forgetSilent();
    return [...edges.values()]
      .map(({ edge, isDraining }) => ({
        edge: isCut(edge.id) ? { ...edge, notReadyReason: edge.notReadyReason || 'UNREACHABLE' } : edge,
        isDraining,
      }))
      .toSorted((a, b) => (a.edge.id < b.edge.id ? -1 : 1));
  }

  function taking(wanted: (edge: KnownEdge) => boolean): KnownEdge[] {
    const open = all().flatMap(({ edge, isDraining }) => (!isDraining && wanted(edge) ? [edge] : []));
    const ready = open.filter(({ notReadyReason }) => notReadyReason === '');
    return ready.length > 0 ? ready : open;
  }

  const list = () => taking(({ isOrigin }) => !isOrigin);

  function rank(playbackId: string, region: string): Routes {
    const holding = taking((edge) => edge.isOrigin && edge.livePlaybackIds.includes(playbackId));
    const routes = {
      edges: rankEdges(list(), playbackId, region),
      origins: rankEdges(holding, playbackId, region),
    };
    if (routes.edges.length > 0 || routes.origins.length > 0) return routes;
    throw new KerkisError(
      'unavailable',
      'NO_EDGE_AVAILABLE',
      'No edge holds a lease that is good, or all of them are drained.',
    );
  }

  return {
    all,
    list,
    rank,
    has: (id) => edges.has(id),
    heard(edge, isDraining, keepMs = leaseMs) {
      if (!isServable(edge.url)) edges.delete(edge.id);
      else if (edges.has(edge.id) || edges.size < maxEdges) {
        edges.set(edge.id, { edge, isDraining, untilMs: now() + keepMs });
      }
    },
    route(playbackId, region) {
      const {
        edges: [edge],
        origins: [origin],
      } = rank(playbackId, region);
      // One of them is there, or `rank` has thrown.
      return (edge ?? origin) as KnownEdge;
    },
  };
}

function isServable(url: string): boolean {
  return /^https?:\/\/[^/\s]/.test(url) && URL.canParse(url);
}
