import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Edge, EdgeKind, EdgeLoadSchema, type EdgeSchema, EdgeState } from '@kerkis/contracts/delivery';
import type { EdgeAnnounced } from '@kerkis/contracts/delivery/events';
import type { RoutableEdge } from '../domain/rendezvous.ts';

/** An edge or live origin that announced itself. */
export interface KnownEdge extends RoutableEdge {
  readonly weight: number;
  /** Where viewers reach it, without a slash at the end. */
  readonly url: string;
  readonly isOrigin: boolean;
  /** Why it is not ready; empty if it is. */
  readonly notReadyReason: string;
  readonly load: Pick<Edge, 'load'>['load'];
  readonly livePlaybackIds: readonly string[];
}

/** What an announcement tells. */
export function knownEdge(told: EdgeAnnounced): KnownEdge {
  const { edgeId: id, url, region, weight, notReadyReason, load, livePlaybackIds } = told;
  const isOrigin = told.kind === EdgeKind.ORIGIN;
  return { id, url, region, weight, isOrigin, notReadyReason, load, livePlaybackIds };
}

/** An edge as RPC tells it. */
export function describeEdge(edge: KnownEdge, isDraining: boolean): MessageInitShape<typeof EdgeSchema> {
  const { id, url, region, weight, isOrigin, notReadyReason, load, livePlaybackIds } = edge;
  const readiness = notReadyReason === '' ? EdgeState.READY : EdgeState.NOT_READY;
  return {
    id,
    url,
    region,
    weight: weight || 100,
    notReadyReason,
    livePlaybackIds: [...livePlaybackIds],
    load: load ?? create(EdgeLoadSchema),
    kind: isOrigin ? EdgeKind.ORIGIN : EdgeKind.EDGE,
    state: isDraining ? EdgeState.DRAINING : readiness,
  };
}
