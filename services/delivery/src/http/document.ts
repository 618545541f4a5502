import { createHash } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
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
  /** Compressed at the first request for it; a promise meanwhile. */
  readonly coded: Map<ContentCoding, Buffer | Promise<Buffer>>;
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

/** Of a document: what says on which conditions it may be kept. */
export type DocumentHeaders = OutgoingHttpHeaders & { readonly 'cache-control': string };

/** What a request for a document gets. 412 is a failure. */
export type DocumentAnswer =
  | { readonly status: 412 }
  | { readonly status: 304; readonly headers: OutgoingHttpHeaders }
  | { readonly status: 200; readonly headers: OutgoingHttpHeaders; readonly coding: ContentCoding };

/** Decides on conditions and coding. What is 200 needs a `content-length` besides. */
export function documentAnswer(
  {
    req,
    commonHeaders,
  }: Pick<Exchange, 'commonHeaders'> & { readonly req: Pick<IncomingMessage, 'headers'> },
  document: Document,
  headers: DocumentHeaders,
): DocumentAnswer {
  const coding =
    document.bytes.byteLength < minCodedBytes
      ? 'identity'
      : chooseCoding(req.headers['accept-encoding']?.toString());
  const vary = commonHeaders.vary ? `accept-encoding, ${commonHeaders.vary}` : 'accept-encoding';
  const etag = coding === 'identity' ? `"${document.digest}"` : `"${document.digest}-${coding}"`;
  const about = { ...headers, vary, etag };
  if (preconditionFailed(req.headers, { etag })) return { status: 412 };
  if (isNotModified(req.headers, { etag })) return { status: 304, headers: about };
  const described = {
    'content-type': document.contentType,
    ...(coding !== 'identity' && { 'content-encoding': coding }),
  };
  return { status: 200, headers: { ...about, ...described }, coding };
}

/** Sends a document, or says that the client has it already. */
export async function sendDocument(
  exchange: Exchange,
  document: Document,
  headers: DocumentHeaders,
): Promise<void> {
  const answer = documentAnswer(exchange, document, headers);
  if (answer.status === 412) {
    refusePrecondition(exchange);
    return;
  }
  if (answer.status === 304) send(exchange, 304, answer.headers);
  else {
    const body = await inCoding(document, answer.coding);
    send(exchange, 200, { ...answer.headers, 'content-length': body.byteLength }, body);
  }
  exchange.keep?.({ document, headers });
}

/** The document as it is sent in a coding, where that is made already. */
export function codedBytes({ bytes, coded }: Document, coding: ContentCoding): Buffer | undefined {
  const made = coding === 'identity' ? bytes : coded.get(coding);
  return made instanceof Promise ? undefined : made;
}

async function inCoding({ bytes, coded }: Document, coding: ContentCoding): Promise<Buffer> {
  if (coding === 'identity') return bytes;
  const known = coded.get(coding);
  if (known) return known;
  const making = compress[coding](bytes);
  coded.set(coding, making);
  try {
    const made = await making;
    coded.set(coding, made);
    return made;
  } catch (error) {
    coded.delete(coding);
    throw error;
  }
}
