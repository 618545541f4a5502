import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type EdgeAnnounced, EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { isKerkisError } from '@kerkis/errors';
import type { Leases } from '@kerkis/events';

/** The bucket of the leases of all edges and live origins. */
export const edgeBucket = 'kerkis_edges';

export function encodeRecord(record: MessageInitShape<typeof EdgeAnnouncedSchema>): Uint8Array {
  return toBinary(EdgeAnnouncedSchema, create(EdgeAnnouncedSchema, record));
}

/** Undefined for what is no record: the bucket is open to whoever may write to NATS. */
export function decodeRecord(value: Uint8Array | undefined): EdgeAnnounced | undefined {
  try {
    return value && fromBinary(EdgeAnnouncedSchema, value);
  } catch {
    return undefined;
  }
}

const tries = 5;

/**
 * Marks an edge as drained, or not, and returns its record: whoever holds the lease finds the mark with its next renewal. Undefined if
 * nobody holds it.
 */
export async function markDrained(
  leases: Pick<Leases, 'read' | 'write'>,
  edgeId: string,
  drained: boolean,
): Promise<EdgeAnnounced | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const { value, revision } = await leases.read(edgeId);
    const record = decodeRecord(value);
    if (!record) return undefined;
    const isLeaving = record.draining && !record.drained;
    const marked = { ...record, drained, draining: isLeaving || drained };
    try {
      await leases.write(edgeId, encodeRecord(marked), revision);
      return marked;
    } catch (error) {
      if (!isConflict(error) || attempt === tries) throw error;
    }
  }
}

/** Somebody else wrote a lease meanwhile. */
export function isConflict(error: unknown): boolean {
  return isKerkisError(error) && error.reason === 'LEASE_CONFLICT';
}
