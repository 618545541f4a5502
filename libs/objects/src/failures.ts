import { KerkisError } from '@kerkis/errors';

/** `not_found OBJECT_NOT_FOUND`. */
export function objectNotFound(key: string, cause?: unknown): KerkisError {
  return new KerkisError('not_found', 'OBJECT_NOT_FOUND', 'There is no object of this key.', {
    details: { key },
    cause,
  });
}

/** `already_exists OBJECT_EXISTS`. */
export function objectExists(key: string, cause?: unknown): KerkisError {
  return new KerkisError('already_exists', 'OBJECT_EXISTS', 'There already is an object of this key.', {
    details: { key },
    cause,
  });
}

/** `not_found MULTIPART_NOT_FOUND`. */
export function multipartNotFound(key: string, cause?: unknown): KerkisError {
  return new KerkisError(
    'not_found',
    'MULTIPART_NOT_FOUND',
    'There is no such multipart upload: it was completed or aborted, or never begun for this key.',
    { details: { key }, cause },
  );
}

/** `too_large OBJECT_TOO_LARGE`. */
export function objectTooLarge(key: string, sizeBytes: number, maxBytes: number): KerkisError {
  return new KerkisError(
    'too_large',
    'OBJECT_TOO_LARGE',
    `The object has ${sizeBytes} bytes; at most ${maxBytes} are read into memory. Stream it instead.`,
    { details: { key, sizeBytes: String(sizeBytes), maxBytes: String(maxBytes) } },
  );
}

/** `invalid RANGE_NOT_SATISFIABLE`; `details.sizeBytes` is what a 416 answer needs. */
export function rangeNotSatisfiable(key: string, sizeBytes: number): KerkisError {
  return new KerkisError(
    'invalid',
    'RANGE_NOT_SATISFIABLE',
    `The range lies outside of the object, which has ${sizeBytes} bytes.`,
    { details: { key, sizeBytes: String(sizeBytes) } },
  );
}

/** `exhausted STORAGE_FULL`. */
export function storageFull(cause: unknown): KerkisError {
  return new KerkisError(
    'exhausted',
    'STORAGE_FULL',
    'The storage is full. Free some space, then try again.',
    { cause },
  );
}

/** `unavailable STORAGE_UNAVAILABLE`. */
export function storageUnavailable(cause: unknown): KerkisError {
  return new KerkisError(
    'unavailable',
    'STORAGE_UNAVAILABLE',
    'The object storage does not answer as it should. Try again later.',
    { cause },
  );
}

/** `forbidden STORAGE_ACCESS_DENIED`. */
export function storageAccessDenied(cause: unknown): KerkisError {
  return new KerkisError(
    'forbidden',
    'STORAGE_ACCESS_DENIED',
    'The object storage refuses this operation. Check the credentials and rights that Kerkis uses.',
    { cause },
  );
}

/** `cancelled CANCELLED`. */
export function cancelled(cause: unknown): KerkisError {
  return new KerkisError('cancelled', 'CANCELLED', 'The operation was cancelled.', { cause });
}

/** Throws `cancelled CANCELLED` when the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal.reason);
}
