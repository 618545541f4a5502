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
  /** One upload is told of no more often, milliseconds. */
  readonly everyMs: number;
}

const usualPace: ArrivalPace = { minBytes: 256 * 1024, everyMs: 1_000 };
/** Uploads of which it is remembered when they were told of. */
const maxRemembered = 1000;

/**
 * Announces sources that grow where others can read them. Only bytes that the record counts, in parts: no client can send others in
 * their place any more.
 */
export function createArrivals(
  bus: EventBus,
  objects: Pick<ObjectStore, 'growing'>,
  { minBytes, everyMs }: ArrivalPace = usualPace,
): Arrivals {
  const told = new Map<string, Told>();

  function tell(session: Session): void {
    const { id: uploadId, assetId } = session.upload;
    const arrivedBytes = storedBytes(session);
    const before = told.get(uploadId);
    clearTimeout(before?.later);
    told.delete(uploadId);
    told.set(uploadId, { atMs: Date.now(), bytes: arrivedBytes });
    const [oldest] = told.keys();
    if (told.size > maxRemembered && oldest) forget(oldest);
    const message = {
      ...{ uploadId, assetId, objectKey: sourceKey(session), multipartId: session.multipartId },
      arrivedBytes: BigInt(arrivedBytes),
      sizeBytes: BigInt(declaredSize(session) ?? 0),
    };
    announce(bus, SourceArrivingSchema, message, { subjectId: uploadId, source: 'upload' });
  }

  function forget(uploadId: string): void {
    clearTimeout(told.get(uploadId)?.later);
    told.delete(uploadId);
  }

  return {
    stored(session) {
      const { id } = session.upload;
      if (!objects.growing || !isReceiving(session)) return forget(id);
      const last = told.get(id);
      const bytes = storedBytes(session);
      if (bytes < minBytes || bytes === last?.bytes) return;
      const waitMs = last ? last.atMs + everyMs - Date.now() : 0;
      if (!last || waitMs <= 0) return tell(session);
      clearTimeout(last.later);
      last.later = setTimeout(tell, waitMs, session).unref();
    },
  };
}

/** What was told of an upload. */
interface Told {
  readonly atMs: number;
  readonly bytes: number;
  /** More came too soon after it. */
  later?: NodeJS.Timeout;
}

const storedBytes = ({ parts }: Session) => parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
