import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { PlaybackService, RoutingService } from '@kerkis/contracts/delivery';
import type { EdgeTable } from '../edges/edge-table.ts';
import { describeEdge } from '../edges/known-edge.ts';
import { type DrainEdgeDependencies, drainEdge } from './drain-edge.ts';
import { type ResolvePlaybackDependencies, resolvePlayback } from './resolve-playback.ts';
import { route } from './route.ts';

/** Registers every RPC of the edge. */
export function deliveryRoutes(
  dependencies: ResolvePlaybackDependencies & DrainEdgeDependencies & { readonly edges: EdgeTable },
): (router: ConnectRouter) => void {
  const { edges } = dependencies;
  const playbackRpcs: ServiceImpl<typeof PlaybackService> = {
    resolvePlayback: ({ playbackId }, { url }) => resolvePlayback(dependencies, playbackId, url),
  };
  const routingRpcs: ServiceImpl<typeof RoutingService> = {
    route: (request) => route(edges, request),
    listEdges: () => ({ edges: edges.all().map(({ edge, isDraining }) => describeEdge(edge, isDraining)) }),
    drainEdge: ({ edgeId }) => drainEdge(dependencies, edgeId, true),
    undrainEdge: ({ edgeId }) => drainEdge(dependencies, edgeId, false),
  };
  return (router) => {
    router.service(PlaybackService, playbackRpcs);
    router.service(RoutingService, routingRpcs);
  };
}
