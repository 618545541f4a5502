import { UploadState } from '@kerkis/contracts/upload';
import { isId } from '@kerkis/ids';
import type { ObjectStore } from '@kerkis/objects';
import type { SessionStore } from './store/sessions.ts';

/** What the sweep needs. */
export interface SweepDependencies {
  readonly objects: Pick<ObjectStore, 'listMultiparts' | 'abortMultipart'>;
  readonly sessions: Pick<SessionStore, 'findSession'>;
}

/**
 * Aborts multipart uploads of sources that no session knows: begun by somebody who died before it could be noted. Younger ones
 * than `createdBefore` are left, as they may be noted in a moment. Returns how many.
 */
export async function sweepOrphans(
  { objects, sessions }: SweepDependencies,
  createdBefore: Date,
): Promise<number> {
  let count = 0;
  for await (const { key, uploadId: multipartId, createdAt } of objects.listMultiparts('sources/')) {
    if (createdAt >= createdBefore) continue;
    const uploadId = key.split('/').at(-1) ?? '';
    const session = isId('upl', uploadId) ? await sessions.findSession(uploadId) : undefined;
    const isOpen = session && session.upload.state !== UploadState.FAILED;
    if (isOpen && session.multipartId === multipartId) continue;
    await objects.abortMultipart(key, multipartId);
    count++;
  }
  return count;
}
