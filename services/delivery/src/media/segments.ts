import { KerkisError } from '@kerkis/errors';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { MediaObject } from './media-objects.ts';
import { createOnDemand, type OnDemand, type OnDemandOptions, type WaitOptions } from './on-demand.ts';
import type { ReadAhead } from './read-ahead.ts';

/** A segment of a track; number 0 is the init segment. */
interface SegmentPlace {
  readonly generation: Pick<PlayableGeneration, 'id' | 'assetId' | 'complete' | 'tracks'>;
  readonly track: string;
  readonly segment: number;
}

/** Segments, stored or still to be made. */
export interface Segments extends Pick<OnDemand, 'stored'> {
  /**
   * The segment. One that a planned generation does not have yet is asked for, and waited for until `signal` is aborted or the
   * time is up: `unavailable` SEGMENT_NOT_READY_IN_TIME. `not_found`: SEGMENT_MISSING, or why it will never be made.
   */
  read(place: SegmentPlace, signal: () => AbortSignal): Promise<MediaObject>;
}

/** What segments stand on. */
export interface SegmentsOptions extends Omit<OnDemandOptions, 'late'> {
  /** `transcode.SegmentService.EnsureSegment`. */
  readonly ensure: (
    request: { generationId: string; track: string; segment: number },
    options: WaitOptions,
  ) => Promise<unknown>;
  readonly ahead: ReadAhead;
}

const late = {
  reason: 'SEGMENT_NOT_READY_IN_TIME',
  message: 'This segment is not made yet. Ask again in a moment.',
};

export function createSegments({ ensure, ahead, ...options }: SegmentsOptions): Segments {
  const onDemand = createOnDemand({ ...options, late });
  return {
    async read({ generation, track, segment }, signal) {
      const prefix = `media/${generation.assetId}/${generation.id}/${track}`;
      const key = `${prefix}/${segment === 0 ? 'init.mp4' : `${segment}.m4s`}`;
      const make = (wait: WaitOptions) => {
        if (generation.complete) throw segmentMissing();
        return ensure({ generationId: generation.id, track, segment }, wait);
      };
      const object = await onDemand.read(key, make, signal);
      // Only what is stored for sure: what is still to be made is made for those who ask for it.
      if (generation.complete && segment > 0) {
        ahead.taken(prefix, segment, generation.tracks.get(track)?.segmentCount ?? 0);
      }
      return object;
    },
    stored: (key) => onDemand.stored(key),
  };
}

function segmentMissing(): KerkisError {
  return new KerkisError(
    'not_found',
    'SEGMENT_MISSING',
    'This segment should be stored, but the store has none.',
  );
}
