import { Code, ConnectError } from '@connectrpc/connect';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { fromConnectError } from '@kerkis/rpc';
import { LRUCache } from 'lru-cache';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { MediaObject, MediaObjects } from './media-objects.ts';
import { singleFlight } from './single-flight.ts';

/** What became of a wait for a segment that was not made yet. */
export type WaitOutcome = 'served' | 'timeout' | 'refused' | 'abandoned';

/** A segment of a track; number 0 is the init segment. */
interface SegmentPlace {
  readonly generation: Pick<PlayableGeneration, 'id' | 'assetId' | 'complete'>;
  readonly track: string;
  readonly segment: number;
}

/** Segments, stored or still to be made. */
export interface Segments {
  /**
   * The segment. One that a planned generation does not have yet is asked for, and waited for until `signal` is aborted or the
   * time is up: `unavailable` SEGMENT_NOT_READY_IN_TIME. `not_found`: SEGMENT_MISSING, or why it will never be made.
   */
  read(place: SegmentPlace, signal: () => AbortSignal): Promise<MediaObject>;
}

/** What segments stand on. */
export interface SegmentsOptions {
  readonly objects: Pick<MediaObjects, 'read'>;
  /** `transcode.SegmentService.EnsureSegment`. */
  readonly ensure: (
    request: { generationId: string; track: string; segment: number },
    options: { signal: AbortSignal; timeoutMs: number },
  ) => Promise<unknown>;
  readonly waitMs: number;
  readonly observe: (outcome: WaitOutcome, durationMs: number) => void;
}

const absentTtlMs = 1_000;

export function createSegments({ objects, ensure, waitMs, observe }: SegmentsOptions): Segments {
  const absent = new LRUCache<string, KerkisError>({ max: 10_000, ttl: absentTtlMs });
  const flights = singleFlight<void>();

  async function make({ generation, track, segment }: SegmentPlace, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const waited = (outcome: WaitOutcome) => observe(outcome, performance.now() - startedAt);
    try {
      await ensure({ generationId: generation.id, track, segment }, { signal, timeoutMs: waitMs });
      waited('served');
    } catch (caught) {
      const error = refusal(caught, signal);
      waited(error.kind === 'not_found' ? 'refused' : error.kind === 'cancelled' ? 'abandoned' : 'timeout');
      throw error;
    }
  }

  async function produce(place: SegmentPlace, key: string, signal: AbortSignal): Promise<MediaObject> {
    await flights.join(key, (shared) => make(place, shared), signal);
    return await objects.read(key);
  }

  return {
    async read(place, signal) {
      const key = segmentKey(place);
      const known = absent.get(key);
      if (known) throw known;
      try {
        const stored = await objects.read(key).catch(unlessStored);
        if (stored) return stored;
        if (place.generation.complete) throw segmentMissing();
        return await produce(place, key, signal());
      } catch (error) {
        if (isKerkisError(error) && error.kind === 'not_found') absent.set(key, error);
        throw error;
      }
    },
  };
}

function segmentKey({ generation, track, segment }: SegmentPlace): string {
  const name = segment === 0 ? 'init.mp4' : `${segment}.m4s`;
  return `media/${generation.assetId}/${generation.id}/${track}/${name}`;
}

function unlessStored(error: unknown): undefined {
  if (isKerkisError(error) && error.kind === 'not_found') return undefined;
  throw error;
}

function segmentMissing(): KerkisError {
  return new KerkisError(
    'not_found',
    'SEGMENT_MISSING',
    'This segment should be stored, but the store has none.',
  );
}

/** Why transcode does not make it: for good (`not_found`), not in time, or nobody waits any more. */
function refusal(caught: unknown, signal: AbortSignal): KerkisError {
  if (signal.aborted)
    return new KerkisError('cancelled', 'CANCELLED', 'The viewer went away.', { cause: caught });
  const error = fromConnectError(caught);
  const isFinal = ['not_found', 'precondition', 'invalid', 'data_loss'].includes(error.kind);
  if (isFinal) {
    const { reason, message, details } = error;
    return new KerkisError('not_found', reason, message, { details, cause: caught });
  }
  const isLate = caught instanceof ConnectError && caught.code === Code.DeadlineExceeded;
  return new KerkisError(
    'unavailable',
    isLate
      ? 'SEGMENT_NOT_READY_IN_TIME'
      : error.kind === 'unavailable'
        ? error.reason
        : 'TRANSCODE_UNAVAILABLE',
    'This segment is not made yet. Ask again in a moment.',
    { cause: caught },
  );
}
