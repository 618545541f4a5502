import { KerkisError } from '@kerkis/errors';
import type { Session } from '../domain/session.ts';
import { type FailSessionDependencies, failSession } from './fail-session.ts';

/** A file without a byte is no source: its session ends at once. Any other session is answered as it is. */
export async function endIfEmpty(dependencies: FailSessionDependencies, session: Session): Promise<Session> {
  if (session.upload.sizeBytes !== 0n) return session;
  return await failSession(dependencies, session.upload.id, uploadEmpty());
}

/** `invalid UPLOAD_EMPTY`. */
export function uploadEmpty(): KerkisError {
  return new KerkisError(
    'invalid',
    'UPLOAD_EMPTY',
    'The file is empty. Choose the right file and upload it.',
  );
}
