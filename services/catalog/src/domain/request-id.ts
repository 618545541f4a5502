import { createHash } from 'node:crypto';
import { type IdPrefix, newId } from '@kerkis/ids';

/** An id that is the same for the same request id, so that a repeated request finds what the first one made. */
export function idForRequest(prefix: IdPrefix, requestId: string): string {
  if (!requestId) return newId(prefix);
  return `${prefix}_${createHash('sha256').update(`${prefix}:${requestId}`).digest('hex').slice(0, 32)}`;
}
