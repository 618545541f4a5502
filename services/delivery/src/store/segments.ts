import { KerkisError } from '@kerkis/errors';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { MediaObject } from './media-objects.ts';
import { createOnDemand, type OnDemandOptions, type WaitOptions } from './on-demand.ts';

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
export interface SegmentsOptions extends Omit<OnDemandOptions, 'late'> {
  /** `transcode.SegmentService.EnsureSegment`. */
  readonly ensure: (
    request: { generationId: string; track: string; segment: number },
    options: WaitOptions,
  ) => Promise<unknown>;
}

const late = {
  reason: 'SEGMENT_NOT_READY_IN_TIME',
  message: 'This segment is not made yet. Ask again in a moment.',
};

export function createSegments({ ensure, ...options }: SegmentsOptions): Segments {
  const onDemand = createOnDemand({ ...options, late });
  return {
    read({ generation, track, segment }, signal) {
      const name = segment === 0 ? 'init.mp4' : `${segment}.m4s`;
      const key = `media/${generation.assetId}/${generation.id}/${track}/${name}`;
      const make = (wait: WaitOptions) => {
        if (generation.complete) throw segmentMissing();
        return ensure({ generationId: generation.id, track, segment }, wait);
      };
      return onDemand.read(key, make, signal);
    },
  };
}

function segmentMissing(): KerkisError {
  return new KerkisError(
    'not_found',
    'SEGMENT_MISSING',
    'This segment should be stored, but the store has none.',
  );
}
