import type { IncomingHttpHeaders } from 'node:http';

/** How one representation is told from another. */
export interface Validators {
  /** Strong, quoted. */
  readonly etag: string;
  /** As an HTTP date. */
  readonly lastModified?: string | undefined;
}

/**
 * Whether the client wants it only as what it is not, or as old as it is not: If-Match, or If-Unmodified-Since where that is absent
 * (RFC 9110, 13.2.2). It then gets 412.
 */
export function preconditionFailed(
  headers: IncomingHttpHeaders,
  { etag, lastModified }: Validators,
): boolean {
  const wanted = headers['if-match'];
  // Compared strongly: a weak tag never matches.
  if (wanted !== undefined) return !wanted.split(',').some((entry) => ['*', etag].includes(entry.trim()));
  const until = Date.parse(headers['if-unmodified-since'] ?? '');
  return lastModified !== undefined && !Number.isNaN(until) && Date.parse(lastModified) > until;
}

/** Whether the client has it already: If-None-Match, or If-Modified-Since where that is absent (RFC 9110, 13.2.2). */
export function isNotModified(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): boolean {
  const wanted = headers['if-none-match'];
  if (wanted !== undefined) {
    return wanted.split(',').some((entry) => {
      const tag = entry.trim();
      return tag === '*' || tag === etag || tag === `W/${etag}`;
    });
  }
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return lastModified !== undefined && !Number.isNaN(since) && Date.parse(lastModified) <= since;
}

/** Whether a Range counts: If-Range is absent or names exactly this representation (RFC 9110, 13.1.5). */
export function rangeApplies(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): boolean {
  const ifRange = headers['if-range'];
  return ifRange === undefined || ifRange === etag || ifRange === lastModified;
}
