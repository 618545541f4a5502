import { isKerkisError } from '@kerkis/errors';
import type { OpenView } from '../access/playbacks.ts';
import { lasting } from '../domain/caching.ts';
import type { StoredFilePath } from '../domain/edge-path.ts';
import { storedFile } from '../domain/stored-file.ts';
import type { MediaObjects } from '../media/media-objects.ts';
import type { Exchange } from './exchange.ts';
import { sendMedia } from './media.ts';

/** What the handler needs. */
export interface StoredFileDependencies {
  readonly view: OpenView<Exchange>;
  readonly objects: MediaObjects;
  readonly ttlSeconds: number;
}

/** A file beside the segments: poster, sprite, waveform, text or download. `not_found` with the reason of its kind. */
export async function sendStoredFile(
  { view, objects, ttlSeconds }: StoredFileDependencies,
  to: StoredFilePath,
  exchange: Exchange,
): Promise<void> {
  const viewed = await view(to, exchange);
  const { playing, generation } = viewed;
  const { key, contentType, disposition, absent } = storedFile(to, generation, playing.title);
  const object = await objects.read(key).catch((error: unknown) => {
    throw isKerkisError(error) && error.kind === 'not_found' ? absent() : error;
  });
  const headers = {
    'content-type': contentType,
    ...lasting(viewed, ttlSeconds),
    ...(disposition && { 'content-disposition': disposition }),
  };
  await sendMedia(exchange, object, headers, objects);
}
