import { edgePath } from '../domain/edge-path.ts';
import type { EdgeTable } from '../edges/edge-table.ts';
import { type Exchange, send } from './exchange.ts';

/** Where a CDN says which region a viewer is in. */
const regionHeader = 'kerkis-region';

/**
 * Sends a player to the edge that serves a playback ID now. What the query has besides the region goes along. A cache that viewers share may
 * answer a crowd with it for a second, which no dead edge outlives by much; a player asks again each time. With a token nobody keeps it.
 */
export function route(
  edges: Pick<EdgeTable, 'route'>,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): void {
  const { req, commonHeaders } = exchange;
  const carried = new URLSearchParams(exchange.query);
  const region = carried.get('region') ?? req.headers[regionHeader]?.toString() ?? '';
  carried.delete('region');
  const edge = edges.route(playbackId, region);
  const query = carried.size === 0 ? '' : `?${carried}`;
  const isPrivate = carried.has('token') || req.headers.authorization !== undefined;
  send(exchange, 302, {
    location: edge.url + edgePath({ kind: 'master', playbackId }) + query,
    'cache-control': isPrivate ? 'no-store' : 'public, max-age=0, s-maxage=1',
    vary: commonHeaders.vary ? `${regionHeader}, ${commonHeaders.vary}` : regionHeader,
    'content-length': 0,
  });
}
