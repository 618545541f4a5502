import { createHash } from 'node:crypto';

/** An edge as routing sees it. */
export interface RoutableEdge {
  readonly id: string;
  readonly region: string;
  /** Its share beside those of the others. Absent or 0: 100. */
  readonly weight?: number;
}

const usualWeight = 100;

/**
 * The edges for a playback ID by weighted rendezvous hashing, the best first: the same order as long as they are there, and when an
 * edge comes, goes or weighs more only its own share moves. Edges of `region` come before the others where it is given.
 */
export function rankEdges<E extends RoutableEdge>(
  edges: readonly E[],
  playbackId: string,
  region: string,
): E[] {
  const isNear = (edge: E) => (region !== '' && edge.region === region ? 1 : 0);
  return edges
    .map((edge) => ({ edge, near: isNear(edge), score: score(edge, playbackId) }))
    .toSorted((a, b) => b.near - a.near || b.score - a.score || (a.edge.id < b.edge.id ? -1 : 1))
    .map(({ edge }) => edge);
}

/** The first of `rankEdges`. */
export function chooseEdge<E extends RoutableEdge>(
  edges: readonly E[],
  playbackId: string,
  region: string,
): E | undefined {
  return rankEdges(edges, playbackId, region)[0];
}

/** Weight ÷ −ln(hash in 0…1): the highest of these is an edge's with a chance in proportion to its weight. */
function score({ id, weight }: RoutableEdge, playbackId: string): number {
  const digest = createHash('sha256').update(`${id} ${playbackId}`).digest();
  const share = (digest.readUIntBE(0, 6) + 0.5) / 2 ** 48;
  return (weight || usualWeight) / -Math.log(share);
}
