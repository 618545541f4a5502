import type { IncomingHttpHeaders } from 'node:http';

/** How one representation is told from another. */
export interface Validators {
  /** Strong, quoted. */
  readonly etag: string;
  /** As an HTTP date. */
  readonly lastModified?: string | undefined;
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
