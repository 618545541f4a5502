import {
  Agent as HttpAgent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { KerkisError } from '@kerkis/errors';
import { injectHeaders } from '@kerkis/telemetry';
import type { Fetched, Wanted } from '../cache/origin.ts';
import { blockSpan, maxWholeBytes, type Piece } from '../cache/piece.ts';
import { fillPath, proofHeader, sizeHeader } from './messages.ts';
import type { FillAnswer, FillRequest, Seal } from './seal.ts';

/** What came of asking another edge. */
type FillOutcome =
  | { readonly kind: 'pieces'; readonly pieces: Fetched }
  | { readonly kind: 'absent'; readonly error: KerkisError }
  | { readonly kind: 'failed'; readonly reason: string };

/** Asks other edges for pieces. */
export interface FillClient extends AsyncDisposable {
  /** Never rejects. */
  ask(edgeUrl: string, wanted: Wanted): Promise<FillOutcome>;
}

/** Bounds. */
export interface FillTimes {
  /** Until there is a connection. */
  readonly connectMs: number;
  /** Until the head of the answer is there. The owner may have to read the store first. */
  readonly answerMs: number;
  /** Until everything is there. */
  readonly totalMs: number;
}

const maxConnectionsPerEdge = 32;

/** A store that is slow gets no faster by being asked twice; but no viewer is to notice that an edge hangs. */
const usualTimes: FillTimes = { connectMs: 1_500, answerMs: 5_000, totalMs: 15_000 };

export function createFillClient(seal: Seal, times: FillTimes = usualTimes): FillClient {
  const { connectMs, answerMs, totalMs } = times;
  const settings = { keepAlive: true, maxSockets: maxConnectionsPerEdge, timeout: totalMs };
  const agents = { http: new HttpAgent(settings), https: new HttpsAgent(settings) };

  function send(url: URL, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent =
      url.protocol === 'https:'
        ? requestHttps(url, { agent: agents.https, headers, signal }, resolve)
        : requestHttp(url, { agent: agents.http, headers, signal }, resolve);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The other side ended the connection while it was idle: that says nothing about it.
      const wasIdle = sent.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted;
      if (wasIdle) send(url, { ...headers, connection: 'close' }, signal).then(resolve, reject);
      else reject(error);
    });
    const unconnected = setTimeout(() => sent.destroy(new Error('The edge cannot be reached.')), connectMs);
    sent.on('close', () => clearTimeout(unconnected));
    sent.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => clearTimeout(unconnected));
      else clearTimeout(unconnected);
    });
    sent.end();
    return promise;
  }

  async function exchange(edgeUrl: string, request: FillRequest, authorization: string) {
    const headers = {
      authorization,
      ...(request.range !== '' && { range: request.range }),
      ...(request.isFresh && { 'cache-control': 'no-cache' }),
      ...injectHeaders(),
    };
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error('The edge took too long.')), answerMs);
    try {
      const signal = AbortSignal.any([late.signal, AbortSignal.timeout(totalMs)]);
      return await send(new URL(edgeUrl + request.path), headers, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async function read(
    response: IncomingMessage,
    wanted: Wanted,
    authorization: string,
  ): Promise<FillOutcome> {
    const answer = answerOf(response);
    if (!seal.believes(authorization, answer, headerOf(response, proofHeader))) {
      return { kind: 'failed', reason: `unproven ${answer.status}` };
    }
    return outcome(wanted, answer, await collect(response, answer.bodyBytes));
  }

  return {
    async ask(edgeUrl, wanted) {
      const request = requestFor(wanted);
      const authorization = seal.request(request);
      let response: IncomingMessage | undefined;
      try {
        response = await exchange(edgeUrl, request, authorization);
        return await read(response, wanted, authorization);
      } catch (error) {
        return { kind: 'failed', reason: String((error as NodeJS.ErrnoException).code ?? error) };
      } finally {
        if (!response?.complete) response?.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function requestFor({ key, block, isFresh = false }: Wanted): FillRequest {
  const span = block && blockSpan(block.number, block.of.sizeBytes);
  return { path: fillPath(key), range: span ? `bytes=${span.start}-${span.end}` : '', isFresh };
}

function answerOf(response: IncomingMessage): FillAnswer {
  return {
    status: response.statusCode ?? 0,
    etag: headerOf(response, 'etag') ?? '',
    lastModified: headerOf(response, 'last-modified') ?? '',
    sizeBytes: Number(headerOf(response, sizeHeader) ?? 0),
    bodyBytes: Number(response.headers['content-length'] ?? 0),
  };
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

async function collect(response: IncomingMessage, bodyBytes: number): Promise<Buffer> {
  if (bodyBytes > maxWholeBytes) throw new Error('The answer is too large.');
  const bytes = Buffer.allocUnsafeSlow(bodyBytes);
  let offset = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) offset += chunk.copy(bytes, offset);
  if (offset !== bodyBytes) throw new Error('The answer is cut off.');
  return bytes;
}

function outcome({ key, block }: Wanted, answer: FillAnswer, bytes: Buffer): FillOutcome {
  const { status, etag, lastModified, sizeBytes } = answer;
  if (status === 404) {
    return {
      kind: 'absent',
      error: new KerkisError('not_found', 'OBJECT_NOT_FOUND', 'There is no such object.'),
    };
  }
  const about: Piece = { key, sizeBytes, etag, lastModified };
  if (block && status === 206) return one({ ...about, block: block.number, bytes });
  if (!block && status === 200 && sizeBytes === bytes.byteLength) return one({ ...about, bytes });
  if (!block && status === 206) {
    return { kind: 'pieces', pieces: [about, { ...about, block: 0, bytes }] };
  }
  return { kind: 'failed', reason: `status ${status}` };
}

function one(piece: Piece): FillOutcome {
  return { kind: 'pieces', pieces: [piece] };
}
