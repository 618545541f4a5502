import { UploadState } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import type { Session } from '../domain/session.ts';
import { type FailSessionDependencies, failSession } from '../ending/fail-session.ts';

/** Ends a session and deletes what it stored; one that failed already is answered as it is. Throws UPLOAD_COMPLETED. */
export async function cancelUpload(
  dependencies: FailSessionDependencies,
  uploadId: string,
): Promise<Session> {
  const session = await failSession(dependencies, uploadId, cancelled());
  if (session.upload.state !== UploadState.COMPLETED) return session;
  throw new KerkisError(
    'precondition',
    'UPLOAD_COMPLETED',
    'The upload is complete and cannot be cancelled. Delete its asset instead.',
    { details: { uploadId, assetId: session.upload.assetId } },
  );
}

function cancelled(): KerkisError {
  return new KerkisError('cancelled', 'UPLOAD_CANCELLED', 'The upload was cancelled.');
}
