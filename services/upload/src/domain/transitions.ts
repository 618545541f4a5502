import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Failure, FailureSchema } from '@kerkis/contracts/media';
import { UploadState } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { leaseReleased } from './lease.ts';
import {
  changed,
  checkReceiving,
  declaredSize,
  isReceiving,
  isWhole,
  type Session,
  type StoredPart,
  type TailPiece,
} from './session.ts';

/** The asset that it fills is known. */
export function assetKnown(session: Session, assetId: string, playbackId: string, now: Date): Session {
  return changed(session, now, { assetId, playbackId });
}

/** A part is stored; the tail went into it. */
export function partStored(session: Session, multipartId: string, part: StoredPart, now: Date): Session {
  const next = { ...session, multipartId, parts: [...session.parts, part], tail: [] };
  return counted({ ...next, lastPartNumber: Math.max(session.lastPartNumber, part.partNumber) }, now);
}

/** A part lies in the store, but does not count yet. */
export function partReserved(session: Session, multipartId: string, partNumber: number): Session {
  return { ...session, multipartId, lastPartNumber: Math.max(session.lastPartNumber, partNumber) };
}

/** Bytes behind the last part are stored: one more piece, or all pieces as one. */
export function tailStored(session: Session, tail: readonly TailPiece[], now: Date): Session {
  return counted({ ...session, tail }, now);
}

/** Bytes came in, so it lives on. */
export function livesUntil(session: Session, expireTime: Date): Session {
  return { ...session, upload: { ...session.upload, expireTime: timestampFromDate(expireTime) } };
}

/** The size of a file that was not known at first. Throws UPLOAD_LENGTH_INVALID. */
export function sizeDeclared(session: Session, sizeBytes: number, now: Date): Session {
  checkReceiving(session);
  const known = declaredSize(session);
  if (known === sizeBytes) return session;
  if (known !== undefined || BigInt(sizeBytes) < session.upload.offsetBytes) {
    throw new KerkisError(
      'invalid',
      'UPLOAD_LENGTH_INVALID',
      known === undefined
        ? 'The file cannot be smaller than what was already sent.'
        : 'The size of this upload was declared before and cannot change.',
      { details: { sizeBytes: String(session.upload.sizeBytes) } },
    );
  }
  return changed(session, now, { sizeBytes: BigInt(sizeBytes) });
}

/** RECEIVING → VERIFYING once all bytes are here; else as it is. */
export function wholeReceived(session: Session, now: Date): Session {
  if (!isReceiving(session) || !isWhole(session)) return session;
  return changed(session, now, { state: UploadState.VERIFYING });
}

/** An import begins from its first byte. */
export function importBegun(session: Session, now: Date): Session {
  const fresh = { ...session, attempts: session.attempts + 1, multipartId: '', parts: [], tail: [] };
  return counted({ ...fresh, lastPartNumber: 0 }, now);
}

/** VERIFYING → COMPLETED; the SHA-256 may be empty: not known yet. Undefined when it is not to be verified. */
export function completed(session: Session, sha256: string, now: Date): Session | undefined {
  if (session.upload.state !== UploadState.VERIFYING || session.failing || !isWhole(session))
    return undefined;
  return changed(leaseReleased(session), now, { state: UploadState.COMPLETED, sha256 });
}

/** Whether it was completed before its SHA-256 was known, which is still to be read. */
export function lacksChecksum({ upload, sourceGone = false }: Session): boolean {
  return upload.state === UploadState.COMPLETED && upload.sha256 === '' && !sourceGone;
}

/** The SHA-256 of a completed session is known, or undefined: its source is gone. Undefined when there is nothing to add. */
export function checksumRead(session: Session, sha256: string | undefined, now: Date): Session | undefined {
  if (!lacksChecksum(session)) return undefined;
  const rest = leaseReleased(session);
  return sha256 === undefined ? { ...rest, sourceGone: true } : changed(rest, now, { sha256 });
}

/** The session is to fail: no writer may go on. Undefined when it has ended or fails already. */
export function failureDecided(session: Session, failure: Failure, now: Date): Session | undefined {
  if (session.failing || isOver(session)) return undefined;
  const { lease: _, ...rest } = session;
  return changed({ ...rest, epoch: session.epoch + 1, failing: failure }, now, {});
}

/** What was stored is deleted: → FAILED. Undefined unless that was decided. */
export function failed(session: Session, now: Date): Session | undefined {
  const { failing, ...rest } = session;
  if (!failing || isOver(session)) return undefined;
  return changed({ ...rest, multipartId: '', parts: [], tail: [] }, now, {
    state: UploadState.FAILED,
    failure: failing,
  });
}

/** Whether it has ended, well or not. */
export function isOver({ upload }: Session): boolean {
  return upload.state === UploadState.COMPLETED || upload.state === UploadState.FAILED;
}

/** An error as the reason of a failed session. */
export function failureOf({ reason, message, details }: KerkisError): Failure {
  return create(FailureSchema, { reason, message, details: { ...details } });
}

function counted(session: Session, now: Date): Session {
  const sizes = [...session.parts, ...session.tail].map(({ sizeBytes }) => sizeBytes);
  return changed(session, now, { offsetBytes: BigInt(sizes.reduce((sum, size) => sum + size, 0)) });
}

/** RECEIVING → VERIFYING: the client sent all parts to the bucket itself. */
export function partsAccepted(session: Session, parts: readonly StoredPart[], now: Date): Session {
  return wholeReceived(counted({ ...session, parts }, now), now);
}

/** What the server of an import says about the file, where its owner said nothing. */
export function importDescribed(
  session: Session,
  { fileName, contentType }: { readonly fileName: string; readonly contentType: string },
): Session {
  const { spec, upload } = session;
  const named = spec.contentType ? upload.contentType : contentType;
  return { ...session, upload: { ...upload, fileName: fileName || upload.fileName, contentType: named } };
}

/** The catalog was asked whether it heard of the end. */
export function catalogHeard(session: Session, settled: boolean, now: Date): Session {
  return changed({ ...session, settled }, now, {});
}

/** No writer may go on: its next change finds a newer epoch. */
export function writersShutOut(session: Session): Session {
  const { lease: _, ...rest } = session;
  return { ...rest, epoch: session.epoch + 1 };
}
