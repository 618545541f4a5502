import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { ThumbnailPlace } from '../domain/thumbnail.ts';
import type { MediaObject } from './media-objects.ts';
import { createOnDemand, type OnDemand, type OnDemandOptions, type WaitOptions } from './on-demand.ts';

/** Pictures of the source at a time, stored or still to be made. */
export interface Thumbnails extends Pick<OnDemand, 'stored'> {
  /**
   * The picture. One that is not stored is asked for and waited for, until `signal` is aborted or the time is up: `unavailable`
   * PICTURE_NOT_READY_IN_TIME. `not_found`: why it will never be made.
   */
  read(
    generation: Pick<PlayableGeneration, 'id' | 'assetId'>,
    place: ThumbnailPlace,
    signal: () => AbortSignal,
  ): Promise<MediaObject>;
}

/** What thumbnails stand on. */
export interface ThumbnailsOptions extends Omit<OnDemandOptions, 'late'> {
  /** `transcode.SegmentService.EnsureThumbnail`. */
  readonly ensure: (
    request: { generationId: string; timeMs: bigint; width: number },
    options: WaitOptions,
  ) => Promise<unknown>;
}

const late = {
  reason: 'PICTURE_NOT_READY_IN_TIME',
  message: 'This picture is not made yet. Ask again in a moment.',
};

export function createThumbnails({ ensure, ...options }: ThumbnailsOptions): Thumbnails {
  const onDemand = createOnDemand({ ...options, late });
  return {
    read({ id, assetId }, { timeMs, width }, signal) {
      const key = `media/${assetId}/${id}/images/thumbnail-${timeMs}-${width}.jpg`;
      const request = { generationId: id, timeMs: BigInt(timeMs), width };
      return onDemand.read(key, (wait) => ensure(request, wait), signal);
    },
    stored: (key) => onDemand.stored(key),
  };
}
