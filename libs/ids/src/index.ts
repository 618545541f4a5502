import { createHash } from 'node:crypto';
import { v7 } from 'uuid';

/**
 * Prefix of each id, so that a person reading a log line knows what it names.
 * `ast` asset, `gen` generation, `pbk` playback ID, `prf` profile, `upl` upload, `job` job, `unt` unit of work,
 * `evt` event, `wrk` worker, `nod` mesh node.
 */
export type IdPrefix = 'ast' | 'gen' | 'pbk' | 'prf' | 'upl' | 'job' | 'unt' | 'evt' | 'wrk' | 'nod';

/** A new id, `<prefix>_<32 hex digits>`: a UUIDv7 without dashes, so ids of one prefix sort by creation time. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${v7().replaceAll('-', '')}`;
}

/** Whether a string is an id of this prefix. */
export function isId(prefix: IdPrefix, value: string): boolean {
  return value.startsWith(`${prefix}_`) && /^[0-9a-f]{32}$/.test(value.slice(prefix.length + 1));
}

/**
 * An id that is the same for the same request id, so that a repeated request finds what the first one made. A new id when the
 * request id is empty.
 */
export function idForRequest(prefix: IdPrefix, requestId: string): string {
  if (!requestId) return newId(prefix);
  return `${prefix}_${createHash('sha256').update(`${prefix}:${requestId}`).digest('hex').slice(0, 32)}`;
}
