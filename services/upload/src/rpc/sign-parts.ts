import type { MessageInitShape } from '@bufbuild/protobuf';
import { type SignPartsRequest, type SignPartsResponseSchema, UploadMethod } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { partBytes } from '../domain/presigned-parts.ts';
import { checkReceiving, type Session, sourceKey } from '../domain/session.ts';
import { livesUntil, partReserved } from '../domain/transitions.ts';
import type { SessionStore } from '../store/sessions.ts';

/** What SignParts needs. */
export interface SignPartsDependencies {
  readonly sessions: Pick<SessionStore, 'getSession' | 'changeSession'>;
  readonly objects: Pick<ObjectStore, 'presignPart' | 'createMultipart' | 'abortMultipart'>;
  /** How long a session may rest. */
  readonly ttlMs: number;
}

const signedSeconds = 3600;

/** Asking for URLs is the only sign of life of such an upload: its bytes go to the bucket. */
export async function signParts(
  { sessions, objects, ttlMs }: SignPartsDependencies,
  { uploadId, partNumbers }: SignPartsRequest,
): Promise<MessageInitShape<typeof SignPartsResponseSchema>> {
  const found = await sessions.getSession(uploadId);
  checkPresigned(found);
  const sizes = new Map(partNumbers.map((partNumber) => [partNumber, partBytes(found, partNumber)]));
  const { multipartId } = await withMultipart({ sessions, objects, ttlMs }, found);
  const key = sourceKey(found);
  const parts = await Promise.all(
    [...sizes].map(async ([partNumber, sizeBytes]) => {
      const options = { sizeBytes, expiresInSeconds: signedSeconds };
      const url = await objects.presignPart?.(key, multipartId, partNumber, options);
      return { partNumber, url: url ?? '', sizeBytes: BigInt(sizeBytes) };
    }),
  );
  return { parts };
}

/** Throws UPLOAD_NOT_PRESIGNED, UPLOAD_NOT_RECEIVING. */
export function checkPresigned(session: Session): void {
  if (session.upload.method !== UploadMethod.PRESIGNED) {
    throw new KerkisError(
      'precondition',
      'UPLOAD_NOT_PRESIGNED',
      'This upload takes no presigned parts: create one with method PRESIGNED.',
      { details: { uploadId: session.upload.id } },
    );
  }
  checkReceiving(session);
}

async function withMultipart(
  { sessions, objects, ttlMs }: SignPartsDependencies,
  found: Session,
): Promise<Session> {
  const key = sourceKey(found);
  const begun = found.multipartId || (await objects.createMultipart(key));
  const session = await sessions.changeSession(found.upload.id, (current) => {
    checkReceiving(current);
    const alive = livesUntil(current, new Date(Date.now() + ttlMs));
    return { session: partReserved(alive, current.multipartId || begun, 0) };
  });
  // Somebody else was faster.
  if (session.multipartId !== begun) await objects.abortMultipart(key, begun);
  return session;
}
