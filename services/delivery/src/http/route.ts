import { edgePath } from '../domain/edge-path.ts';
import type { EdgeTable } from '../edges/edge-table.ts';
import { type Exchange, send } from './exchange.ts';

/** Sends a player to the edge that serves a playback ID now. */
export function route(
  edges: Pick<EdgeTable, 'route'>,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): void {
  const edge = edges.route(playbackId, exchange.query.get('region') ?? '');
  const token = exchange.query.get('token');
  const query = token === null ? '' : `?token=${encodeURIComponent(token)}`;
  const location = edge.url + edgePath({ kind: 'master', playbackId }) + query;
  send(exchange, 302, { location, 'cache-control': 'no-store', 'content-length': 0 });
}
