import { createHash } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { isNotModified, preconditionFailed } from '../domain/conditional.ts';
import { type ContentCoding, chooseCoding } from '../domain/content-coding.ts';
import { type Exchange, refusePrecondition, send } from './exchange.ts';

/** A text that is sent whole, in the content coding that the client likes best. */
export interface Document {
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Of the content, without quotes; each coding adds to it. */
  readonly digest: string;
  /** Compressed at the first request for it. */
  readonly coded: Map<ContentCoding, Promise<Buffer>>;
}

/** Below this a head outweighs what compression saves. */
const minCodedBytes = 512;

const compress = {
  br: (bytes: Buffer) =>
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }),
  gzip: (bytes: Buffer) => promisify(gzip)(bytes),
} as const;

export function createDocument(contentType: string, content: string | Buffer): Document {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { contentType, bytes, digest, coded: new Map() };
}

/** Sends a document, or says that the client has it already. */
export async function sendDocument(
  exchange: Exchange,
  document: Document,
  headers: OutgoingHttpHeaders & { readonly 'cache-control': string },
): Promise<void> {
  const { req, commonHeaders } = exchange;
  const coding =
    document.bytes.byteLength < minCodedBytes
      ? 'identity'
      : chooseCoding(req.headers['accept-encoding']?.toString());
  const vary = commonHeaders.vary ? `accept-encoding, ${commonHeaders.vary}` : 'accept-encoding';
  const etag = coding === 'identity' ? `"${document.digest}"` : `"${document.digest}-${coding}"`;
  const about = { ...headers, vary, etag };
  if (preconditionFailed(req.headers, { etag })) {
    refusePrecondition(exchange);
    return;
  }
  if (isNotModified(req.headers, { etag })) {
    send(exchange, 304, about);
    return;
  }
  const body = await inCoding(document, coding);
  send(
    exchange,
    200,
    {
      ...about,
      'content-type': document.contentType,
      'content-length': body.byteLength,
      ...(coding !== 'identity' && { 'content-encoding': coding }),
    },
    body,
  );
}

async function inCoding({ bytes, coded }: Document, coding: ContentCoding): Promise<Buffer> {
  if (coding === 'identity') return bytes;
  const made = coded.get(coding) ?? compress[coding](bytes);
  coded.set(coding, made);
  return await made;
}
