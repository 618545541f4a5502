import { isKerkisError, KerkisError, toKerkisError } from '@kerkis/errors';
import { partInvalid } from '../body.ts';
import {
  cancelled,
  multipartNotFound,
  objectExists,
  objectNotFound,
  storageAccessDenied,
  storageFull,
  storageUnavailable,
} from '../failures.ts';

/** The S3 error code, e.g. `NoSuchKey`; for an answer without a body the SDK's name for its status. */
export function s3Code(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** The HTTP status of an answer; undefined when there was none. */
export function s3Status(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  return (error.$metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode;
}

/** Whether the server says that it does not know the operation or a header of it. */
export function isNotImplemented(error: unknown): boolean {
  return s3Status(error) === 501 || s3Code(error) === 'NotImplemented';
}

/** What a request failed with as a KerkisError; the original is its cause. */
export function toS3Error(error: unknown, key: string): KerkisError {
  if (isKerkisError(error)) return error;
  if (s3Code(error) === 'AbortError') return cancelled(error);
  const byCode = fromCode(error, key);
  if (byCode) return byCode;
  const status = s3Status(error);
  if (status !== undefined) return fromStatus(error, status, key);
  const isNetwork = error instanceof Error && ('code' in error || error.name === 'TimeoutError');
  return isNetwork ? storageUnavailable(error) : toKerkisError(error);
}

function fromCode(error: unknown, key: string): KerkisError | undefined {
  switch (s3Code(error)) {
    case 'NoSuchKey':
      return objectNotFound(key, error);
    case 'NoSuchUpload':
      return multipartNotFound(key, error);
    case 'NoSuchBucket':
      return bucketNotFound(error);
    case 'PreconditionFailed':
      return objectExists(key, error);
    case 'InvalidPart':
    case 'InvalidPartOrder':
    case 'EntityTooSmall':
      return partInvalid(
        'The store refuses the parts: one is missing, another than was named, out of order, or below 5 MiB and not the last.',
        { s3Code: s3Code(error) },
      );
    case 'ConditionalRequestConflict':
    case 'OperationAborted':
      return storageUnavailable(error);
    case 'QuotaExceeded':
    case 'InsufficientStorage':
    case 'StorageFull':
    case 'XMinioStorageFull':
      return storageFull(error);
    default:
      return undefined;
  }
}

function fromStatus(error: unknown, status: number, key: string): KerkisError {
  if (status === 507) return storageFull(error);
  if (status === 404) return objectNotFound(key, error);
  if (status === 401 || status === 403) return storageAccessDenied(error);
  // What throttles, what breaks, and what is no S3 answer at all.
  if (status === 429 || status >= 500 || status < 300) return storageUnavailable(error);
  return new KerkisError(
    'internal',
    'STORAGE_REQUEST_REFUSED',
    'The object storage refuses a request that Kerkis made. Check region, endpoint and addressing style.',
    { details: { status: String(status), s3Code: s3Code(error) }, cause: error },
  );
}

/** `precondition BUCKET_NOT_FOUND`. */
export function bucketNotFound(cause: unknown): KerkisError {
  return new KerkisError(
    'precondition',
    'BUCKET_NOT_FOUND',
    'The bucket does not exist. Create it, or set its right name.',
    { cause },
  );
}
