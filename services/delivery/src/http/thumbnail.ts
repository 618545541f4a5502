import { immutable, revisable } from '../domain/caching.ts';
import { thumbnailPlace } from '../domain/thumbnail.ts';
import type { MediaObjects } from '../store/media-objects.ts';
import type { OpenView } from '../store/playbacks.ts';
import type { Thumbnails } from '../store/thumbnails.ts';
import { type Exchange, whenGone } from './exchange.ts';
import { sendMedia } from './media.ts';

/** What the handler needs. */
export interface ThumbnailDependencies {
  readonly view: OpenView;
  readonly thumbnails: Thumbnails;
  readonly objects: MediaObjects;
  readonly ttlSeconds: number;
}

/** A picture of the source at a time. */
export async function thumbnail(
  { view, thumbnails, objects, ttlSeconds }: ThumbnailDependencies,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  const { generation, pinned } = await view(playbackId, exchange.query.get('g'));
  const place = thumbnailPlace(exchange.query, generation.durationMs);
  const object = await thumbnails.read(generation, place, () => whenGone(exchange));
  const caching = pinned ? immutable : revisable(generation, ttlSeconds);
  await sendMedia(exchange, object, { 'content-type': 'image/jpeg', 'cache-control': caching }, objects);
}
