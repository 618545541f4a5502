import type { OpenView } from '../access/playbacks.ts';
import { lasting } from '../domain/caching.ts';
import { previewEnded, type ViewedPath } from '../domain/restricted-generation.ts';
import { thumbnailPlace } from '../domain/thumbnail.ts';
import type { MediaObjects } from '../media/media-objects.ts';
import type { Thumbnails } from '../media/thumbnails.ts';
import { type Exchange, whenGone } from './exchange.ts';
import { sendMedia } from './media.ts';

/** What the handler needs. */
export interface ThumbnailDependencies {
  readonly view: OpenView<Exchange>;
  readonly thumbnails: Thumbnails;
  readonly objects: MediaObjects;
  readonly ttlSeconds: number;
}

/** A picture of the source at a time. */
export async function thumbnail(
  { view, thumbnails, objects, ttlSeconds }: ThumbnailDependencies,
  to: Extract<ViewedPath, { readonly kind: 'thumbnail' }>,
  exchange: Exchange,
): Promise<void> {
  const viewed = await view(to, exchange);
  const { generation, grant } = viewed;
  const previewMs = Math.min(generation.durationMs, grant.previewMs ?? generation.durationMs);
  // Where no time is asked for, it is the middle of what may be seen.
  const place = thumbnailPlace(exchange.query, generation.durationMs, previewMs);
  if (place.timeMs >= previewMs) throw previewEnded(previewMs);
  const object = await thumbnails.read(generation, place, () => whenGone(exchange));
  const caching = lasting(viewed, ttlSeconds);
  await sendMedia(exchange, object, { 'content-type': 'image/jpeg', ...caching }, objects);
}
