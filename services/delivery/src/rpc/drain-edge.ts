import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EdgeSchema } from '@kerkis/contracts/delivery';
import { EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { KerkisError } from '@kerkis/errors';
import { announce, type EventBus, type Leases } from '@kerkis/events';
import { describeEdge, knownEdge } from '../edges/known-edge.ts';
import { markDrained } from '../edges/lease-record.ts';

/** What draining stands on. */
export interface DrainEdgeDependencies {
  readonly bus: EventBus;
  readonly leases: Pick<Leases, 'read' | 'write'>;
}

/** Drains an edge, or gives it viewers again. `not_found` EDGE_NOT_FOUND when nobody holds its lease. */
export async function drainEdge(
  { bus, leases }: DrainEdgeDependencies,
  edgeId: string,
  drained: boolean,
): Promise<{ edge: MessageInitShape<typeof EdgeSchema> }> {
  const record = await markDrained(leases, edgeId, drained);
  if (!record) throw new KerkisError('not_found', 'EDGE_NOT_FOUND', 'No edge of this id holds a lease now.');
  // Its holder says so itself with its next renewal; all tables shall know it now.
  announce(bus, EdgeAnnouncedSchema, record, { subjectId: edgeId, source: 'delivery' });
  return { edge: describeEdge(knownEdge(record), record.draining) };
}
