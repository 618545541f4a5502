import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type ByteSpan, parseRange } from '../domain/byte-range.ts';
import type { CachingHeaders } from '../domain/caching.ts';
import { isNotModified, preconditionFailed, rangeApplies } from '../domain/conditional.ts';
import type { MediaObject, MediaObjects } from '../media/media-objects.ts';
import { type Exchange, refusePrecondition, send, sendJson, whenGone } from './exchange.ts';

/** What a stored object is sent as. */
export interface MediaHeaders extends CachingHeaders {
  readonly 'content-type': string;
  /** Of what is to be saved. */
  readonly 'content-disposition'?: string;
}

/** What a request for a stored object gets. `refused`: a failure, 412 or 416. */
export type MediaAnswer =
  | { readonly status: 412 | 416; readonly isRefused: true }
  | {
      readonly status: 200 | 206 | 304;
      readonly isRefused?: false;
      readonly headers: Readonly<Record<string, string | number>>;
      /** Of 206. */
      readonly span?: ByteSpan | undefined;
    };

/** Decides on conditions and ranges. */
export function mediaAnswer(
  req: Pick<IncomingMessage, 'method' | 'headers'>,
  object: MediaObject,
  headers: MediaHeaders,
): MediaAnswer {
  const { etag, lastModified, sizeBytes } = object;
  const { 'content-type': type, 'content-disposition': disposition, ...caching } = headers;
  const described = { 'content-type': type, ...(disposition && { 'content-disposition': disposition }) };
  const about = { ...caching, 'accept-ranges': 'bytes', 'last-modified': lastModified, etag };
  if (preconditionFailed(req.headers, object)) return { status: 412, isRefused: true };
  if (isNotModified(req.headers, object)) return { status: 304, headers: about };
  const wanted = req.method === 'GET' && rangeApplies(req.headers, object) ? req.headers.range : undefined;
  const span = parseRange(wanted, sizeBytes);
  if (span === 'unsatisfiable') return { status: 416, isRefused: true };
  if (!span) return { status: 200, headers: { ...about, ...described, 'content-length': sizeBytes } };
  const { start, end } = span;
  const partial = {
    'content-length': end - start + 1,
    'content-range': `bytes ${start}-${end}/${sizeBytes}`,
  };
  return { status: 206, headers: { ...about, ...described, ...partial }, span };
}

/** Sends a stored object or the range of it that is asked for, or says that the client has it already. */
export async function sendMedia(
  exchange: Exchange,
  object: MediaObject,
  headers: MediaHeaders,
  objects: Pick<MediaObjects, 'open'>,
): Promise<void> {
  const answer = mediaAnswer(exchange.req, object, headers);
  if (answer.isRefused) {
    if (answer.status === 412) refusePrecondition(exchange);
    else refuseRange(exchange, object.sizeBytes);
    return;
  }
  const { status, span } = answer;
  const isAbout = status === 304 || exchange.req.method === 'HEAD';
  if (isAbout) send(exchange, status, answer.headers);
  else if (object.bytes) send(exchange, status, answer.headers, spanOf(object.bytes, span));
  else await stream(exchange, object, span, answer.headers, objects);
  exchange.keep?.({ object, headers });
}

/** The part of a body that is sent. */
export function spanOf(bytes: Buffer, span: ByteSpan | undefined): Buffer {
  return span ? bytes.subarray(span.start, span.end + 1) : bytes;
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
