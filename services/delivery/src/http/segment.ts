import { KerkisError } from '@kerkis/errors';
import type { OpenView } from '../access/playbacks.ts';
import { lasting } from '../domain/caching.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { PlayableTrack } from '../domain/playable-track.ts';
import type { ViewedPath } from '../domain/restricted-generation.ts';
import type { MediaObjects } from '../media/media-objects.ts';
import type { Segments } from '../media/segments.ts';
import { type Exchange, whenGone } from './exchange.ts';
import { sendMedia } from './media.ts';

/** What the handler needs. */
export interface SegmentDependencies {
  readonly view: OpenView<Exchange>;
  readonly segments: Segments;
  readonly objects: Pick<MediaObjects, 'open'>;
  readonly ttlSeconds: number;
}

/** A segment, or the init segment of a track. */
export async function segment(
  { view, segments, objects, ttlSeconds }: SegmentDependencies,
  to: Extract<ViewedPath, { readonly kind: 'init' | 'segment' }>,
  exchange: Exchange,
): Promise<void> {
  const viewed = await view(to, exchange);
  const { generation } = viewed;
  const number = to.kind === 'init' ? 0 : to.segment;
  const { contentType, segmentCount } = trackOf(generation, to.track);
  if (number > segmentCount) {
    throw new KerkisError('not_found', 'SEGMENT_NOT_FOUND', `This track ends with segment ${segmentCount}.`);
  }
  const place = { generation, track: to.track, segment: number };
  const object = await segments.read(place, () => whenGone(exchange));
  const caching = lasting(viewed, ttlSeconds);
  await sendMedia(exchange, object, { 'content-type': contentType, ...caching }, objects);
}

/** The track of that name. `not_found` TRACK_NOT_FOUND. */
export function trackOf({ tracks }: PlayableGeneration, name: string): PlayableTrack {
  const track = tracks.get(name);
  if (track) return track;
  throw new KerkisError(
    'not_found',
    'TRACK_NOT_FOUND',
    'There is no track of this name. The manifest has them all.',
  );
}
