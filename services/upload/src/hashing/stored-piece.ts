import type { ObjectStore } from '@kerkis/objects';
import { type Session, sourceKey } from '../domain/session.ts';

/** Bytes that are stored, from somewhere in one of their pieces on. */
export interface StoredPiece {
  readonly body: AsyncIterable<Uint8Array>;
  /** Bytes at the beginning of the body that are too much. */
  readonly skipBytes: number;
}

/**
 * Opens the part or the piece of the tail of a session in which a byte lies. Undefined behind the last stored byte, and where the
 * store does not give parts before the object is complete.
 */
export async function openStoredAt(
  objects: Pick<ObjectStore, 'get' | 'getPart'>,
  session: Session,
  atBytes: number,
): Promise<StoredPiece | undefined> {
  let endBytes = 0;
  for (const part of session.parts) {
    const startBytes = endBytes;
    endBytes += part.sizeBytes;
    if (atBytes >= endBytes) continue;
    const body = await objects.getPart?.(sourceKey(session), session.multipartId, part);
    return body && { body, skipBytes: atBytes - startBytes };
  }
  for (const { key, sizeBytes } of session.tail) {
    const startBytes = endBytes;
    endBytes += sizeBytes;
    if (atBytes >= endBytes) continue;
    const { body } = await objects.get(key);
    return { body, skipBytes: atBytes - startBytes };
  }
  return undefined;
}
