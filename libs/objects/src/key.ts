import { KerkisError } from '@kerkis/errors';

/** Longest key, in characters. */
export const maxKeyLength = 512;

/** Longest segment of a key, in characters: what a directory entry may be called on the usual filesystems. */
const maxSegmentLength = 255;

const segmentPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
const prefixTailPattern = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*)?$/;

/**
 * Whether a string is a key: segments of `A-Z a-z 0-9 . _ -` joined by `/`, none empty or starting with a dot
 * (which excludes `.` and `..`), at most 255 characters a segment and 512 in all.
 */
export function isObjectKey(key: unknown): key is string {
  return (
    typeof key === 'string' &&
    key.length <= maxKeyLength &&
    key.split('/').every((segment) => segment.length <= maxSegmentLength && segmentPattern.test(segment))
  );
}

/** Returns the key, or throws `invalid OBJECT_KEY_INVALID`. */
export function checkKey(key: string): string {
  if (!isObjectKey(key)) throw invalidKey('key');
  return key;
}

/** Returns the prefix of a listing, any beginning of a key or empty, or throws `invalid OBJECT_KEY_INVALID`. */
export function checkPrefix(prefix: string): string {
  if (prefix === '') return prefix;
  if (typeof prefix !== 'string' || prefix.length > maxKeyLength) throw invalidKey('prefix');
  const segments = prefix.split('/');
  const tail = segments.pop() ?? '';
  const headIsFine = segments.length === 0 || isObjectKey(segments.join('/'));
  if (!headIsFine || tail.length > maxSegmentLength || !prefixTailPattern.test(tail)) {
    throw invalidKey('prefix');
  }
  return prefix;
}

/**
 * Returns the prefix of a deletion, which has to end with `/` so that `media/ast_1` cannot take `media/ast_10` along,
 * or throws `invalid OBJECT_KEY_INVALID`.
 */
export function checkDirectoryPrefix(prefix: string): string {
  if (typeof prefix !== 'string' || !prefix.endsWith('/') || !isObjectKey(prefix.slice(0, -1))) {
    throw new KerkisError(
      'invalid',
      'OBJECT_KEY_INVALID',
      'A prefix to delete is a key followed by "/": it names everything below one directory.',
    );
  }
  return prefix;
}

function invalidKey(what: 'key' | 'prefix'): KerkisError {
  return new KerkisError(
    'invalid',
    'OBJECT_KEY_INVALID',
    `The object ${what} is not valid. It takes up to ${maxKeyLength} characters: segments of letters, digits, ".", "_" ` +
      'and "-" that do not start with ".", joined by "/".',
  );
}
