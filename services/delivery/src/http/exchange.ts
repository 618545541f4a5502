import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { KerkisError } from '@kerkis/errors';
import type { MediaObject } from '../media/media-objects.ts';
import type { Document, DocumentHeaders } from './document.ts';
import type { MediaHeaders } from './media.ts';

/** Headers of every answer. */
export type CommonHeaders = Readonly<Record<string, string>> & { readonly vary?: string };

/** One request and what every answer to it carries. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly query: URLSearchParams;
  /** CORS and the like, for answers with a media body and failures alike. */
  readonly commonHeaders: CommonHeaders;
  /** Body bytes handed to the network, for metrics. */
  sentBytes: number;
  /** Told of what is sent, so that it may be sent again without asking anybody. */
  readonly keep?: (sent: Sent) => void;
}

/** What an answer was made of, apart from the request. */
export type Sent =
  | { readonly object: MediaObject; readonly headers: MediaHeaders }
  | { readonly document: Document; readonly headers: DocumentHeaders };

/** Answers in one go: a head, and a body unless the request was HEAD. */
export function send(
  exchange: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  body?: Buffer | string,
): void {
  const { res, req, commonHeaders } = exchange;
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, { ...commonHeaders, ...headers });
  if (body === undefined || req.method === 'HEAD') {
    res.end();
    return;
  }
  exchange.sentBytes += Buffer.byteLength(body);
  res.end(body);
}

/** Answers with JSON that no cache keeps. */
export function sendJson(
  exchange: Exchange,
  status: number,
  body: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = `${JSON.stringify(body)}\n`;
  send(
    exchange,
    status,
    {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      ...headers,
    },
    text,
  );
}

/** Answers with a failure, its status by its kind. */
export function sendFailure(exchange: Exchange, error: KerkisError): void {
  if (exchange.res.headersSent) {
    exchange.res.destroy();
    return;
  }
  const { kind, reason, message, details, violations, mapping } = error;
  const body = { kind, reason, message, details, violations };
  sendJson(exchange, mapping.httpStatus, body, retryHeaders(error));
}

/** Answers a condition that does not hold (If-Match, If-Unmodified-Since). */
export function refusePrecondition(exchange: Exchange): void {
  sendJson(exchange, 412, {
    kind: 'precondition',
    reason: 'PRECONDITION_FAILED',
    message: 'This is not what If-Match or If-Unmodified-Since asks for. Ask again without it.',
  });
}

/** When to ask again. */
export function retryHeaders({ kind, reason }: KerkisError): { 'retry-after'?: string } {
  if (kind !== 'unavailable') return {};
  return { 'retry-after': reason.endsWith('_NOT_READY_IN_TIME') ? '1' : '2' };
}

/** Aborted when the client goes away before its answer is complete. */
export function whenGone({ res }: { readonly res: ServerResponse }): AbortSignal {
  const controller = new AbortController();
  const gone = new KerkisError('cancelled', 'CANCELLED', 'The viewer went away.');
  // A response on HTTP/2 says neither of itself, but its stream does.
  const { stream } = res as { readonly stream?: { readonly destroyed: boolean } };
  if (res.destroyed || res.closed || stream?.destroyed) controller.abort(gone);
  // On HTTP/2 a response that was cut off counts as finished, but not as ended.
  else res.once('close', () => !res.writableEnded && controller.abort(gone));
  return controller.signal;
}
