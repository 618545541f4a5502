import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import type { GrowingSource } from '../domain/job.ts';

/** The part of the object store that shows sources that grow. */
export type GrowingObjects = Pick<ObjectStore, 'growing' | 'localPath'>;

/** Path of a source that is still on its way, or complete by now. Throws OBJECT_NOT_FOUND, also where the store shows none that grow. */
export async function pathOfGrowing(
  objects: GrowingObjects,
  { objectKey, multipartId }: GrowingSource,
): Promise<string> {
  const growing = await objects.growing?.(objectKey, multipartId);
  const path = growing?.path ?? objects.localPath?.(objectKey);
  if (path !== undefined) return path;
  throw new KerkisError('not_found', 'OBJECT_NOT_FOUND', 'The source cannot be read before it is complete.', {
    details: { key: objectKey },
  });
}
