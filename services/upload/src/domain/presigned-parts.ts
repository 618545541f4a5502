import type { CompletedPart } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { declaredSize, type Session, type StoredPart } from './session.ts';

/** How many parts a presigned upload has. */
function partCount(session: Session): number {
  return Math.ceil((declaredSize(session) ?? 0) / session.partSizeBytes);
}

/** Exact size of one part. Throws PART_NUMBER_INVALID. */
export function partBytes(session: Session, partNumber: number): number {
  const count = partCount(session);
  if (partNumber < 1 || partNumber > count) {
    throw new KerkisError('invalid', 'PART_NUMBER_INVALID', `This upload has the parts 1 to ${count}.`, {
      details: { uploadId: session.upload.id, parts: String(count) },
    });
  }
  const startBytes = (partNumber - 1) * session.partSizeBytes;
  return Math.min(session.partSizeBytes, (declaredSize(session) ?? 0) - startBytes);
}

/**
 * The parts that the client names, compared with what the bucket holds. Throws PART_MISSING for one that is not named, not
 * there, or not the one that was named; SIZE_MISMATCH.
 */
export function checkedParts(
  session: Session,
  named: readonly CompletedPart[],
  held: readonly StoredPart[],
): StoredPart[] {
  const etags = new Map(named.map(({ partNumber, etag }) => [partNumber, etag.replaceAll('"', '')]));
  const stored = new Map(held.map((part) => [part.partNumber, part]));
  const parts = Array.from({ length: partCount(session) }, (_, index) => {
    const partNumber = index + 1;
    const part = stored.get(partNumber);
    const etag = etags.get(partNumber);
    if (!etag) throw partMissing(partNumber, 'was not named');
    if (!part) throw partMissing(partNumber, 'has not arrived');
    if (part.etag !== etag) throw partMissing(partNumber, 'has another ETag than the one that was named');
    checkSize(part, partBytes(session, partNumber));
    return part;
  });
  if (etags.size === parts.length) return parts;
  throw new KerkisError('invalid', 'PART_NUMBER_INVALID', `This upload has the parts 1 to ${parts.length}.`);
}

function checkSize({ partNumber, sizeBytes }: StoredPart, wantedBytes: number): void {
  if (sizeBytes === wantedBytes) return;
  throw new KerkisError(
    'invalid',
    'SIZE_MISMATCH',
    `Part ${partNumber} has ${sizeBytes} bytes instead of ${wantedBytes}. Send it again.`,
    { details: { partNumber: String(partNumber), sizeBytes: String(sizeBytes) } },
  );
}

function partMissing(partNumber: number, what: string): KerkisError {
  return new KerkisError(
    'invalid',
    'PART_MISSING',
    `Part ${partNumber} ${what}. Send it again, then complete.`,
    {
      details: { partNumber: String(partNumber) },
    },
  );
}
