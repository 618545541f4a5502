import type { IncomingMessage } from 'node:http';
import type { CommonHeaders } from './exchange.ts';

const exposed =
  'accept-ranges, content-encoding, content-length, content-range, date, etag, last-modified, retry-after';
const allowedHeaders =
  'authorization, if-match, if-modified-since, if-none-match, if-range, if-unmodified-since, range, traceparent, tracestate, ' +
  // What players tell of themselves (CTA-5004).
  'cmcd-object, cmcd-request, cmcd-session, cmcd-status';

/** Methods that the edge answers. */
export const allowedMethods = 'GET, HEAD, OPTIONS';

/** Headers of every answer: which pages may read it, and that its type is what it says. */
export function commonHeaders(
  origins: readonly string[],
): (req: Pick<IncomingMessage, 'headers'>) => CommonHeaders {
  const always = { 'x-content-type-options': 'nosniff' };
  const readable = (origin: string) => ({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': exposed,
    'timing-allow-origin': origin,
    // Pages that isolate themselves embed pictures and media only where it says so.
    'cross-origin-resource-policy': 'cross-origin',
  });
  if (origins.includes('*')) {
    const everybody = { ...always, ...readable('*') };
    return () => everybody;
  }
  const strangers = { ...always, vary: 'origin' };
  // Where pages are named one by one they may send cookies, which may hold a playback token.
  const trusted = (origin: string) => ({
    ...strangers,
    ...readable(origin),
    'access-control-allow-credentials': 'true',
  });
  const known = new Map(origins.map((origin) => [origin, trusted(origin)]));
  return ({ headers }) => known.get(headers.origin ?? '') ?? strangers;
}

/** What a preflight of a request for a licence is told besides. */
export const licensePreflight = {
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-allow-headers': 'authorization, content-type, traceparent, tracestate',
  'access-control-max-age': '86400',
  allow: 'POST, OPTIONS',
} as const;

/** What a preflight is told besides. */
export const preflightHeaders = {
  'access-control-allow-methods': allowedMethods,
  'access-control-allow-headers': allowedHeaders,
  'access-control-max-age': '86400',
  allow: allowedMethods,
} as const;
