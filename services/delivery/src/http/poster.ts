import { isKerkisError, KerkisError } from '@kerkis/errors';
import { immutable, revisable } from '../domain/caching.ts';
import type { MediaObjects } from '../store/media-objects.ts';
import type { OpenView } from '../store/playbacks.ts';
import type { Exchange } from './exchange.ts';
import { sendMedia } from './media.ts';

/** What the handler needs. */
export interface PosterDependencies {
  readonly view: OpenView;
  readonly objects: MediaObjects;
  readonly ttlSeconds: number;
}

/** The picture to show before playback. `not_found` POSTER_NOT_FOUND: sound has none, and it comes when all else is encoded. */
export async function poster(
  { view, objects, ttlSeconds }: PosterDependencies,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  const { generation, pinned } = await view(playbackId, exchange.query.get('g'));
  if (!generation.hasPoster) throw posterNotFound();
  const key = `media/${generation.assetId}/${generation.id}/images/poster.jpg`;
  const object = await objects.read(key).catch((error: unknown) => {
    throw isKerkisError(error) && error.kind === 'not_found' ? posterNotFound() : error;
  });
  const caching = pinned ? immutable : revisable(generation, ttlSeconds);
  await sendMedia(exchange, object, { 'content-type': 'image/jpeg', 'cache-control': caching }, objects);
}

function posterNotFound(): KerkisError {
  return new KerkisError('not_found', 'POSTER_NOT_FOUND', 'There is no poster, or not yet.');
}
