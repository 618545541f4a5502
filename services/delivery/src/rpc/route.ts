import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RoutedEdgeSchema, RouteRequest, RouteResponseSchema } from '@kerkis/contracts/delivery';
import type { EdgeTable } from '../edges/edge-table.ts';
import { describeEdge, type KnownEdge } from '../edges/known-edge.ts';

/** Where a playback ID is served now. */
export function route(
  edges: Pick<EdgeTable, 'rank'>,
  { playbackId, region, count }: RouteRequest,
): MessageInitShape<typeof RouteResponseSchema> {
  const found = edges.rank(playbackId, region);
  const routed = (edge: KnownEdge): MessageInitShape<typeof RoutedEdgeSchema> => ({
    edge: describeEdge(edge, false),
    baseUrl: `${edge.url}/v/${playbackId}`,
  });
  const most = count || 1;
  const origins = found.origins.slice(0, most).map(routed);
  const ranked = found.edges.slice(0, most).map(routed);
  const routes = ranked.length > 0 ? ranked : origins;
  return { ...routes[0], routes, origins } as MessageInitShape<typeof RouteResponseSchema>;
}
