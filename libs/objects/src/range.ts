import { KerkisError } from '@kerkis/errors';
import { rangeNotSatisfiable } from './failures.ts';
import type { ByteRange } from './object-store.ts';

/** Throws `invalid RANGE_INVALID` unless 0 ≤ start ≤ end, both whole numbers. */
export function checkRange({ start, end }: ByteRange): void {
  const startIsFine = Number.isSafeInteger(start) && start >= 0;
  if (!startIsFine || (end !== undefined && !(Number.isSafeInteger(end) && end >= start))) {
    throw new KerkisError('invalid', 'RANGE_INVALID', 'A byte range takes whole numbers, 0 ≤ start ≤ end.');
  }
}

/** The first and last byte of a range in an object of this size, or `invalid RANGE_NOT_SATISFIABLE`. */
export function cutRange(key: string, sizeBytes: number, range: ByteRange): { start: number; end: number } {
  checkRange(range);
  if (range.start >= sizeBytes) throw rangeNotSatisfiable(key, sizeBytes);
  return { start: range.start, end: Math.min(range.end ?? sizeBytes - 1, sizeBytes - 1) };
}
