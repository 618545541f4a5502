import { pipeline } from 'node:stream/promises';
import { type ByteSpan, parseRange } from '../domain/byte-range.ts';
import type { CachingHeaders } from '../domain/caching.ts';
import { isNotModified, preconditionFailed, rangeApplies } from '../domain/conditional.ts';
import type { MediaObject, MediaObjects } from '../store/media-objects.ts';
import { type Exchange, refusePrecondition, send, sendJson, whenGone } from './exchange.ts';

/** What a stored object is sent as. */
export interface MediaHeaders extends CachingHeaders {
  readonly 'content-type': string;
  /** Of what is to be saved. */
  readonly 'content-disposition'?: string;
}

/** Sends a stored object or the range of it that is asked for, or says that the client has it already. */
export async function sendMedia(
  exchange: Exchange,
  object: MediaObject,
  headers: MediaHeaders,
  objects: Pick<MediaObjects, 'open'>,
): Promise<void> {
  const { req } = exchange;
  const { etag, lastModified, sizeBytes } = object;
  const { 'content-type': type, 'content-disposition': disposition, ...caching } = headers;
  const described = { 'content-type': type, ...(disposition && { 'content-disposition': disposition }) };
  const about = { ...caching, 'accept-ranges': 'bytes', 'last-modified': lastModified, etag };
  if (preconditionFailed(req.headers, object)) {
    refusePrecondition(exchange);
    return;
  }
  if (isNotModified(req.headers, object)) {
    send(exchange, 304, about);
    return;
  }
  const wanted = req.method === 'GET' && rangeApplies(req.headers, object) ? req.headers.range : undefined;
  const span = parseRange(wanted, sizeBytes);
  if (span === 'unsatisfiable') {
    refuseRange(exchange, sizeBytes);
    return;
  }
  const full = {
    ...about,
    ...described,
    'content-length': span ? span.end - span.start + 1 : sizeBytes,
  };
  const partial = span && { ...full, 'content-range': `bytes ${span.start}-${span.end}/${sizeBytes}` };
  if (object.bytes) {
    const bytes = span ? object.bytes.subarray(span.start, span.end + 1) : object.bytes;
    send(exchange, span ? 206 : 200, partial ?? full, bytes);
  } else if (req.method === 'HEAD') send(exchange, 200, full);
  else await stream(exchange, object, span, partial ?? full, objects);
}

/** Too large for memory: read from the store at the pace of the client. */
async function stream(
  exchange: Exchange,
  { key, sizeBytes }: MediaObject,
  span: ByteSpan | undefined,
  headers: Readonly<Record<string, string | number>>,
  objects: Pick<MediaObjects, 'open'>,
): Promise<void> {
  const { res, commonHeaders } = exchange;
  const signal = whenGone(exchange);
  const range = span ?? { start: 0, end: sizeBytes - 1 };
  const body = await objects.open(key, range, signal);
  res.writeHead(span ? 206 : 200, { ...commonHeaders, ...headers });
  body.on('data', (chunk: Uint8Array) => {
    exchange.sentBytes += chunk.byteLength;
  });
  // After the head a failure can only cut the connection, which pipeline does.
  await pipeline(body, res).catch(() => undefined);
}

function refuseRange(exchange: Exchange, sizeBytes: number): void {
  const body = {
    kind: 'invalid',
    reason: 'RANGE_NOT_SATISFIABLE',
    message: `The range lies outside of the ${sizeBytes} bytes.`,
  };
  sendJson(exchange, 416, body, { 'content-range': `bytes */${sizeBytes}`, 'accept-ranges': 'bytes' });
}
