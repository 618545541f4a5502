import { type Edge, EdgeKind, EdgeState } from '@kerkis/contracts/delivery';
import { formatBytes, formatTable, plain } from './text.ts';

/** Edges as a table. */
export function edgeTable(edges: readonly Edge[]): string {
  const rows = edges.map((edge) => [
    edge.id,
    edge.kind === EdgeKind.ORIGIN ? 'ORIGIN' : 'EDGE',
    stateOf(edge),
    plain(edge.region) || '-',
    `${edge.weight}`,
    `${edge.load?.busyPercent ?? 0} %`,
    `${edge.load?.requestsPerSecond ?? 0}/s`,
    `${formatBytes(Number(edge.load?.sentBytesPerSecond ?? 0))}/s`,
    plain(edge.url),
  ]);
  return formatTable(['ID', 'KIND', 'STATE', 'REGION', 'WEIGHT', 'BUSY', 'REQUESTS', 'SENDS', 'URL'], rows);
}

function stateOf({ state, notReadyReason }: Edge): string {
  if (state === EdgeState.DRAINING) return 'DRAINING';
  return state === EdgeState.READY ? 'READY' : plain(notReadyReason) || 'NOT_READY';
}
