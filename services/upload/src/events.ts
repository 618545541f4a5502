import {
  SourceDeletedSchema,
  UploadCompletedSchema,
  UploadFailedSchema,
} from '@kerkis/contracts/upload/events';
import type { OutboxEntry } from '@kerkis/documents';
import { event } from '@kerkis/events';
import { type Session, sourceKey } from './domain/session.ts';

const from = (subjectId: string) => ({ subjectId, source: 'upload' });

/** The source of an asset is stored and verified. */
export function uploadCompleted(session: Session): OutboxEntry {
  const { id: uploadId, assetId, sizeBytes, sha256, fileName, contentType } = session.upload;
  const source = { objectKey: sourceKey(session), sizeBytes, sha256, fileName, contentType };
  return event(UploadCompletedSchema, { uploadId, assetId, source }, from(uploadId));
}

/** A session ended without a source. */
export function uploadFailed({ upload }: Session): OutboxEntry {
  const { id: uploadId, assetId, failure } = upload;
  return event(UploadFailedSchema, { uploadId, assetId, ...(failure && { failure }) }, from(uploadId));
}

/** Nothing of an asset is left here. */
export const sourceDeleted = (assetId: string): OutboxEntry =>
  event(SourceDeletedSchema, { assetId }, from(assetId));
