import { isKerkisError, KerkisError } from '@kerkis/errors';
import { cancelled, storageAccessDenied, storageFull, storageUnavailable } from '../failures.ts';

/** The `code` of a system error: ENOENT, ENOSPC, … */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Undefined instead of a failure with one of these codes. */
export async function unless<T>(codes: readonly string[], work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codes.includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** Runs file operations and turns system errors into KerkisErrors. Other errors, of a body for example, pass through. */
export async function storage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(error);
  }
}

/** A system error as a KerkisError; anything else as it is. */
export function toStorageError(error: unknown): unknown {
  if (error instanceof Error && error.name === 'AbortError') return cancelled(error);
  if (isKerkisError(error) || !(error instanceof Error) || !('syscall' in error)) return error;
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return storageFull(error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return storageAccessDenied(error);
    default:
      return storageUnavailable(error);
  }
}

/** `precondition OBJECT_KEY_CONFLICT`: on a filesystem `a` and `a/b` cannot both be objects. */
export function keyConflict(key: string, cause?: unknown): KerkisError {
  return new KerkisError(
    'precondition',
    'OBJECT_KEY_CONFLICT',
    'A part of this key already is an object, or this key already is a directory. Choose another key.',
    { details: { key }, cause },
  );
}
