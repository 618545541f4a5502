import { KerkisError } from '@kerkis/errors';
import { declaredSize, type Session } from './session.ts';

/** Somebody works on the session; until then nobody else may. Prolonged while bytes arrive. */
export interface Lease {
  readonly untilMs: number;
}

/** S3 takes no higher part number. */
const maxPartNumber = 10_000;

/** Whether somebody works on it now. */
function isLeased({ lease }: Session, nowMs: number): boolean {
  return lease !== undefined && lease.untilMs > nowMs;
}

/**
 * Takes the session for one writer. A writer that vanished without giving it back may still be storing one part: the new one
 * leaves out that part's number, so that the late part cannot replace a good one. Throws UPLOAD_BUSY.
 */
export function leaseTaken(session: Session, nowMs: number, leaseMs: number): Session {
  if (isLeased(session, nowMs)) {
    throw new KerkisError(
      'conflict',
      'UPLOAD_BUSY',
      'Another request is sending bytes of this upload. Wait for it to end, or try again in some seconds.',
      { details: { uploadId: session.upload.id } },
    );
  }
  const skipped = session.lease && canSkip(session) ? 1 : 0;
  return {
    ...session,
    epoch: session.epoch + 1,
    lease: { untilMs: nowMs + leaseMs },
    lastPartNumber: session.lastPartNumber + skipped,
  };
}

/** The writer is alive. */
export function leaseRenewed(session: Session, nowMs: number, leaseMs: number): Session {
  return { ...session, lease: { untilMs: nowMs + leaseMs } };
}

/** The writer has ended and stores nothing more. */
export function leaseReleased(session: Session): Session {
  const { lease: _, ...rest } = session;
  return rest;
}

function canSkip(session: Session): boolean {
  const restBytes = (declaredSize(session) ?? 0) - Number(session.upload.offsetBytes);
  return session.lastPartNumber + 2 + Math.ceil(restBytes / session.partSizeBytes) <= maxPartNumber;
}
