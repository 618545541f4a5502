import { setTimeout as sleep } from 'node:timers/promises';
import { isKerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { type Session, sourceKey, type TailPiece, tailPrefix } from '../domain/session.ts';

const attempts = 3;

/** Tries again while the object store does not answer: the bytes are still in memory. */
export async function persistently<T>(store: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store();
    } catch (error) {
      if (attempt === attempts || !isKerkisError(error) || error.kind !== 'unavailable') throw error;
      await sleep(attempt * 200 * (1 + Math.random()));
    }
  }
}

/** The bytes of the pieces of a tail, one piece in memory at a time, then the chunks. */
export async function* tailThen(
  objects: Pick<ObjectStore, 'getBytes'>,
  tail: readonly TailPiece[],
  chunks: readonly Uint8Array[],
): AsyncGenerator<Uint8Array> {
  for (const { key, sizeBytes } of tail) yield await objects.getBytes(key, { maxBytes: sizeBytes });
  yield* chunks;
}

/** Deletes everything that a session stored, whatever of it there is. Does nothing the second time. */
export async function removeStored(
  objects: Pick<ObjectStore, 'abortMultipart' | 'delete' | 'deletePrefix' | 'listMultiparts'>,
  session: Session,
): Promise<void> {
  if (!session.upload.assetId) return;
  const key = sourceKey(session);
  if (session.multipartId) await objects.abortMultipart(key, session.multipartId);
  // One that was begun by a writer who died before it could note it.
  for await (const begun of objects.listMultiparts(key)) {
    if (begun.key === key) await objects.abortMultipart(key, begun.uploadId);
  }
  await objects.deletePrefix(tailPrefix(session));
  await objects.delete(key);
}
