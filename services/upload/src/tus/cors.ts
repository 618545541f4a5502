import type { IncomingMessage, ServerResponse } from 'node:http';

const exposed = [
  'Location',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Expires',
  'Tus-Resumable',
  'Tus-Version',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Checksum-Algorithm',
  'Kerkis-Asset-Id',
  'Kerkis-Playback-Id',
].join(', ');

const allowed = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'Tus-Resumable',
  'Upload-Checksum',
  'Upload-Defer-Length',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-HTTP-Method-Override',
  'X-Request-ID',
  'X-Requested-With',
  'Traceparent',
  'Tracestate',
].join(', ');

/** Lets pages of the allowed origins upload; `*` is every origin. */
export function setCors(req: IncomingMessage, res: ServerResponse, origins: readonly string[]): void {
  const { origin } = req.headers;
  res.setHeader('vary', 'origin');
  if (!origin) return;
  const granted = origins.includes('*') ? '*' : origins.find((each) => each === origin);
  if (!granted) return;
  res.setHeader('access-control-allow-origin', granted);
  res.setHeader('access-control-expose-headers', exposed);
  if (req.method !== 'OPTIONS') return;
  res.setHeader('access-control-allow-methods', 'POST, HEAD, PATCH, DELETE, OPTIONS');
  res.setHeader('access-control-allow-headers', allowed);
  res.setHeader('access-control-max-age', '7200');
}
