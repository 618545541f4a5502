import { SourceArrivingSchema } from '@kerkis/contracts/upload/events';
import { announce, type EventBus } from '@kerkis/events';
import type { ObjectStore } from '@kerkis/objects';
import { declaredSize, isReceiving, type Session, sourceKey } from '../domain/session.ts';

/** Tells those who could begin with the beginning of a source how much of it is there. */
export interface Arrivals {
  /** The record says now how much is stored. */
  stored(session: Session): void;
}

/** When an arrival is told. */
export interface ArrivalPace {
  /** With less than this nobody can begin anything. */
  readonly minBytes: number;
  /** An upload that takes no longer than this is over before anything that is begun could help, and would only be in its way. Milliseconds. */
  readonly firstMs: number;
  /** So long after it is stored: an upload that is about to end is better left alone. Milliseconds. */
  readonly delayMs: number;
  /** One upload is told of no more often, milliseconds. */
  readonly everyMs: number;
}

const usualPace: ArrivalPace = { minBytes: 256 * 1024, firstMs: 4_000, delayMs: 500, everyMs: 1_000 };
/** Uploads of which it is remembered when they were told of. */
const maxRemembered = 1000;

/** What is known of an upload that arrives. */
interface Arriving {
  latest: Session;
  toldAtMs: number;
  toldBytes: number;
  later?: NodeJS.Timeout | undefined;
}

/**
 * Announces sources that grow where others can read them. Only bytes that the record counts, in parts: no client can send others in
 * their place any more.
 */
export function createArrivals(
  bus: EventBus,
  objects: Pick<ObjectStore, 'growing'>,
  { minBytes, firstMs, delayMs, everyMs }: ArrivalPace = usualPace,
): Arrivals {
  const known = new Map<string, Arriving>();

  function tell(arriving: Arriving): void {
    const session = arriving.latest;
    const { id: uploadId, assetId } = session.upload;
    const arrivedBytes = storedBytes(session);
    arriving.later = undefined;
    arriving.toldAtMs = Date.now();
    arriving.toldBytes = arrivedBytes;
    const message = {
      ...{ uploadId, assetId, objectKey: sourceKey(session), multipartId: session.multipartId },
      arrivedBytes: BigInt(arrivedBytes),
      sizeBytes: BigInt(declaredSize(session) ?? 0),
    };
    announce(bus, SourceArrivingSchema, message, { subjectId: uploadId, source: 'upload' });
  }

  function forget(uploadId: string): void {
    clearTimeout(known.get(uploadId)?.later);
    known.delete(uploadId);
  }

  function remember(session: Session): Arriving {
    const { id } = session.upload;
    const arriving = known.get(id) ?? { latest: session, toldAtMs: 0, toldBytes: 0 };
    arriving.latest = session;
    known.delete(id);
    known.set(id, arriving);
    const [oldest] = known.keys();
    if (known.size > maxRemembered && oldest) forget(oldest);
    return arriving;
  }

  return {
    stored(session) {
      const bytes = storedBytes(session);
      if (!objects.growing || !isReceiving(session) || bytes === declaredSize(session))
        return forget(session.upload.id);
      const arriving = remember(session);
      if (arriving.later || bytes < minBytes || bytes === arriving.toldBytes) return;
      const waitMs =
        arriving.toldAtMs === 0 ? firstMs : Math.max(delayMs, arriving.toldAtMs + everyMs - Date.now());
      arriving.later = setTimeout(tell, waitMs, arriving).unref();
    },
  };
}

const storedBytes = ({ parts }: Session) => parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
