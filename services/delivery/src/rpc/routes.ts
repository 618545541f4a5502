import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { PlaybackService, RoutingService } from '@kerkis/contracts/delivery';
import type { EdgeTable } from '../edges/edge-table.ts';
import { type ResolvePlaybackDependencies, resolvePlayback } from './resolve-playback.ts';

/** Registers every RPC of the edge. */
export function deliveryRoutes(
  dependencies: ResolvePlaybackDependencies & { readonly edges: EdgeTable },
): (router: ConnectRouter) => void {
  const { edges } = dependencies;
  const playbackRpcs: ServiceImpl<typeof PlaybackService> = {
    resolvePlayback: ({ playbackId }, { url }) => resolvePlayback(dependencies, playbackId, url),
  };
  const routingRpcs: ServiceImpl<typeof RoutingService> = {
    route: ({ playbackId, region }) => {
      const edge = edges.route(playbackId, region);
      return { edge, baseUrl: `${edge.url}/v/${playbackId}` };
    },
    listEdges: () => ({ edges: edges.list() }),
  };
  return (router) => {
    router.service(PlaybackService, playbackRpcs);
    router.service(RoutingService, routingRpcs);
  };
}
