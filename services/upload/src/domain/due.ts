import { timestampDate } from '@bufbuild/protobuf/wkt';
import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import type { Session } from './session.ts';
import { lacksChecksum } from './transitions.ts';

/** How long things may rest. */
export interface Patience {
  /** Work that should go on by itself, milliseconds. */
  readonly staleMs: number;
  /** Records of failed sessions, milliseconds. */
  readonly keepFailedMs: number;
}

/** When the reconciler should look at a session; undefined for one that needs nothing more. */
export function dueTime(session: Session, { staleMs, keepFailedMs }: Patience): Date | undefined {
  const { upload, lease, failing, settled } = session;
  const updatedMs = upload.updateTime ? timestampDate(upload.updateTime).getTime() : 0;
  const expireMs = upload.expireTime ? timestampDate(upload.expireTime).getTime() : 0;
  const stale = new Date(Math.max(updatedMs, lease?.untilMs ?? 0) + staleMs);
  if (failing || upload.assetId === '') return stale;
  switch (upload.state) {
    case UploadState.RECEIVING:
      return runsByItself(upload.method) ? stale : new Date(expireMs);
    case UploadState.COMPLETED:
      // The end is told again also while somebody still reads the checksum.
      if (!settled) return new Date(updatedMs + staleMs);
      return lacksChecksum(session) ? stale : undefined;
    case UploadState.FAILED:
      return settled ? new Date(updatedMs + keepFailedMs) : stale;
    default:
      return stale;
  }
}

/** Whether no client will come back to it: what stands still then was lost. */
function runsByItself(method: UploadMethod): boolean {
  return method === UploadMethod.STREAM || method === UploadMethod.IMPORT;
}
