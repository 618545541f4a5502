import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type CompleteUploadRequest,
  type CompleteUploadResponseSchema,
  UploadMethod,
} from '@kerkis/contracts/upload';
import { isKerkisError } from '@kerkis/errors';
import type { ObjectStore, PartInfo } from '@kerkis/objects';
import { checkedParts } from '../domain/presigned-parts.ts';
import { isReceiving, type Session, sourceKey } from '../domain/session.ts';
import { partsAccepted } from '../domain/transitions.ts';
import type { Finisher } from '../ending/finisher.ts';
import { completedUpload } from '../ending/outcome.ts';
import type { SessionStore } from '../store/sessions.ts';
import { checkPresigned } from './sign-parts.ts';

/** What CompleteUpload needs. */
export interface CompleteUploadDependencies {
  readonly sessions: Pick<SessionStore, 'getSession' | 'changeSession'>;
  readonly objects: Pick<ObjectStore, 'listParts'>;
  readonly finisher: Pick<Finisher, 'finish'>;
}

/** Repeated, it waits for the same verification, or answers how it ended. */
export async function completeUpload(
  { sessions, objects, finisher }: CompleteUploadDependencies,
  { uploadId, parts: named }: CompleteUploadRequest,
): Promise<MessageInitShape<typeof CompleteUploadResponseSchema>> {
  const found = await sessions.getSession(uploadId);
  const again = found.upload.method === UploadMethod.PRESIGNED && !isReceiving(found);
  if (!again) {
    checkPresigned(found);
    const parts = checkedParts(found, named, await heldParts(objects, found));
    await sessions.changeSession(uploadId, (session) =>
      isReceiving(session) ? { session: partsAccepted(session, parts, new Date()) } : undefined,
    );
  }
  return { upload: completedUpload(await finisher.finish(uploadId)) };
}

async function heldParts(
  objects: Pick<ObjectStore, 'listParts'>,
  session: Session,
): Promise<readonly PartInfo[]> {
  if (!session.multipartId) return [];
  try {
    return await objects.listParts(sourceKey(session), session.multipartId);
  } catch (error) {
    if (isKerkisError(error) && error.reason === 'MULTIPART_NOT_FOUND') return [];
    throw error;
  }
}
