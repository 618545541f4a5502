import { type Upload, UploadState } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import type { Session } from '../domain/session.ts';

/** The upload of a session that has completed; throws what another one failed with. */
export function completedUpload({ upload, failing }: Session): Upload {
  if (upload.state === UploadState.COMPLETED) return upload;
  const {
    reason = 'UPLOAD_NOT_RECEIVING',
    message = 'The upload has ended.',
    details,
  } = upload.failure ?? failing ?? {};
  const kind = reason === 'STORAGE_FULL' ? 'exhausted' : 'invalid';
  throw new KerkisError(kind, reason, message, {
    details: { uploadId: upload.id, assetId: upload.assetId, ...details },
  });
}
