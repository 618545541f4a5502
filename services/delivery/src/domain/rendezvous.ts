import { createHash } from 'node:crypto';

/** An edge as routing sees it. */
export interface RoutableEdge {
  readonly id: string;
  readonly region: string;
}

/**
 * The edge for a playback ID by rendezvous hashing: the same one as long as it is there, and when an edge comes or goes only
 * its own share moves. Edges of `region` are preferred where it is given and there are any.
 */
export function chooseEdge<E extends RoutableEdge>(
  edges: readonly E[],
  playbackId: string,
  region: string,
): E | undefined {
  const near = region === '' ? [] : edges.filter((edge) => edge.region === region);
  const scored = (near.length > 0 ? near : edges).map((edge) => ({
    edge,
    score: score(edge.id, playbackId),
  }));
  return scored.reduce<(typeof scored)[number] | undefined>(
    (best, each) => (best === undefined || each.score > best.score ? each : best),
    undefined,
  )?.edge;
}

function score(edgeId: string, playbackId: string): string {
  return createHash('sha256').update(`${edgeId} ${playbackId}`).digest('hex');
}
