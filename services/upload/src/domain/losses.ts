import { KerkisError } from '@kerkis/errors';

/** `conflict UPLOAD_TAKEN_OVER`. */
export function takenOver(uploadId: string): KerkisError {
  return new KerkisError(
    'conflict',
    'UPLOAD_TAKEN_OVER',
    'Another request went on with this upload, or it was ended. Ask for its offset, then go on from there.',
    { details: { uploadId } },
  );
}

/** `data_loss SOURCE_LOST`. */
export function sourceLost(cause: unknown): KerkisError {
  return new KerkisError(
    'data_loss',
    'SOURCE_LOST',
    'The stored bytes of this upload are gone from the object store. Upload the file again.',
    { cause },
  );
}

/** `cancelled UPLOAD_INTERRUPTED`. */
export function interrupted(): KerkisError {
  return new KerkisError(
    'cancelled',
    'UPLOAD_INTERRUPTED',
    'The stream broke off before its end. Send it again.',
  );
}
