import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { FastAnswer, FastHandler, FastRequest } from '@kerkis/rpc';
import { LRUCache } from 'lru-cache';
import type { Admit } from '../access/admission.ts';
import type { OpenView } from '../access/playbacks.ts';
import { parseEdgePath, routePatterns } from '../domain/edge-path.ts';
import type { Grant } from '../domain/grant.ts';
import type { Playback } from '../domain/playback.ts';
import type { MediaObjects } from '../media/media-objects.ts';
import type { DeliveryObserver } from '../observe.ts';
import type { Lookup } from '../store/lookup.ts';
import { codedBytes, type Document, type DocumentHeaders, documentAnswer } from './document.ts';
import type { CommonHeaders, Exchange, Sent } from './exchange.ts';
import { type MediaHeaders, mediaAnswer, spanOf } from './media.ts';

/**
 * Remembers what the handlers sent, and sends it again without asking anybody, as long as all that it depended on is the same: the
 * playback, who is let in to what, and the object in memory. Who asks is checked each time.
 */
export interface Recall {
  /** To be called with what a handler sent to somebody who was let in. */
  keep(exchange: Exchange, viewed: Awaited<ReturnType<OpenView<Exchange>>>, sent: Sent): void;
  readonly answer: FastHandler;
}

/** What it stands on. */
export interface RecallOptions {
  readonly playbacks: Pick<Lookup<Playback>, 'peek'>;
  readonly objects: Pick<MediaObjects, 'peek'>;
  readonly admit: Admit;
  readonly headersFor: (req: { readonly headers: IncomingHttpHeaders }) => CommonHeaders;
  readonly observer: Pick<DeliveryObserver, 'recalled' | 'looked'>;
}

type Kept = {
  /** Of the playback as it was. */
  readonly stamp: string;
  readonly route: string;
  /** Of answers to plain requests, by the headers of every answer. */
  readonly heads: Map<CommonHeaders, string>;
} & (
  | { readonly key: string; readonly etag: string; readonly headers: MediaHeaders }
  | {
      readonly document: Document;
      readonly headers: DocumentHeaders;
      /** What was answered to the last plain request. */
      last?: {
        readonly coding: string | undefined;
        readonly common: CommonHeaders;
        readonly answer: FastAnswer;
      };
    }
);

/** What a URL asks for apart from its token. */
interface Asked {
  readonly path: string;
  readonly playbackId: string;
  readonly generation: string | undefined;
  readonly query: URLSearchParams;
}

const maxBytes = 64 * 1024 * 1024;
/** What an entry costs besides its key and its document. */
const overheadBytes = 1536;
/** Bodies up to this are kept as text too. */
const maxTextBytes = 4096;
const playbackPattern = /^\/v\/(pbk_[0-9a-f]{32})\//;
/** Their URLs carry the token of who asked. */
const manifestPattern = /\.(?:m3u8|mpd|vtt)$/;
const valuePattern = /^[\w.~-]*$/;
/** What makes more of a request than a plain one. */
const conditions = [
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
] as const;

export function createRecall(options: RecallOptions): Recall {
  const { playbacks, objects, admit, headersFor, observer } = options;
  const entries = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    sizeCalculation: (kept, key) =>
      overheadBytes + key.length + ('document' in kept ? kept.document.bytes.byteLength + maxTextBytes : 0),
  });

  function recall(request: FastRequest): { answer: FastAnswer; kept: Kept; status: number } | undefined {
    // What belongs to a trace gets its span.
    if (request.method === 'OPTIONS' || request.headers.traceparent !== undefined) return undefined;
    const asked = askedBy(request.url);
    const playback = asked && playbacks.peek(asked.playbackId);
    if (!playback) return undefined;
    const grant = admit(playback, { query: asked.query, req: request });
    if (grant instanceof Promise) {
      // The handlers ask again, and tell.
      grant.catch(() => undefined);
      return undefined;
    }
    const kept = entries.get(entryKey(asked, grant));
    if (kept?.stamp !== stampOf(playback)) return undefined;
    const common = headersFor(request);
    const answered =
      'document' in kept ? recallDocument(request, kept, common) : recallMedia(request, kept, common);
    return answered && { ...answered, kept };
  }

  function recallMedia(request: FastRequest, kept: Extract<Kept, { key: string }>, common: CommonHeaders) {
    const object = objects.peek(kept.key);
    if (!object?.bytes || object.etag !== kept.etag) return undefined;
    const isPlain = isUnconditional(request);
    const known = isPlain ? kept.heads.get(common) : undefined;
    if (known !== undefined) return { status: 200, answer: answerOf(request, known, object.bytes) };
    const { status, isRefused, ...decided } = mediaAnswer(request, object, kept.headers);
    if (isRefused || !('headers' in decided)) return undefined;
    const head = headOf(status, common, decided.headers);
    if (isPlain) kept.heads.set(common, head);
    const body = status === 304 ? undefined : spanOf(object.bytes, decided.span);
    return { status, answer: answerOf(request, head, body) };
  }

  function recallDocument(
    request: FastRequest,
    kept: Extract<Kept, { document: Document }>,
    commonHeaders: CommonHeaders,
  ) {
    const { document, headers, last } = kept;
    const coding = request.headers['accept-encoding']?.toString();
    const isPlain = request.method === 'GET' && isUnconditional(request);
    if (isPlain && last?.coding === coding && last?.common === commonHeaders)
      return { status: 200, answer: last.answer };
    const decided = documentAnswer({ req: request, commonHeaders }, document, headers);
    if (decided.status === 412) return undefined;
    if (decided.status === 304)
      return { status: 304, answer: { head: headOf(304, commonHeaders, decided.headers) } };
    const body = codedBytes(document, decided.coding);
    if (!body) return undefined;
    const described = { ...decided.headers, 'content-length': body.byteLength };
    const text = body.byteLength <= maxTextBytes ? body.toString('latin1') : undefined;
    const answer = { ...answerOf(request, headOf(200, commonHeaders, described), body), text };
    if (isPlain) kept.last = { coding, common: commonHeaders, answer };
    return { status: 200, answer };
  }

  return {
    keep({ req }, { playing, generation, grant }, sent) {
      const asked = askedBy(req.url ?? '');
      const playback = asked && playbacks.peek(asked.playbackId);
      // Another generation than the one that plays may be forgotten by the catalog at any time.
      if (!playback || playback.generation?.fingerprint !== playing.generation.fingerprint) return;
      if (generation.id !== playing.generation.id) return;
      const to = parseEdgePath(asked.path);
      if (!to || ('document' in sent && !manifestPattern.test(asked.path))) return;
      // An object under its key that is not what was sent was changed on its way.
      if ('object' in sent && objects.peek(sent.object.key, false) !== sent.object) return;
      const about = { stamp: stampOf(playback), route: routePatterns[to.kind], heads: new Map() };
      const { headers } = sent;
      const made =
        'object' in sent
          ? { ...about, headers, key: sent.object.key, etag: sent.object.etag }
          : { ...about, headers, document: sent.document };
      entries.set(entryKey(asked, grant), made as Kept);
    },
    answer(request) {
      let found: ReturnType<typeof recall>;
      try {
        found = recall(request);
      } catch {
        // Who is not let in is told so by the handlers.
        return undefined;
      }
      if (!found) return undefined;
      const { answer, kept, status } = found;
      observer.looked('playback', 'hit');
      observer.looked('document' in kept ? 'manifest' : 'object', 'hit');
      observer.recalled(kept.route, request.method, status, answer.body?.byteLength ?? 0);
      return answer;
    },
  };
}

let lastText = '';
let lastQuery = new URLSearchParams();

/** Undefined for what has more in its query than a generation and a token: the handlers may care. */
function askedBy(url: string): Asked | undefined {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const playbackId = playbackPattern.exec(path)?.[1];
  if (playbackId === undefined) return undefined;
  const text = mark < 0 ? '' : url.slice(mark + 1);
  let generation: string | undefined;
  let token: string | undefined;
  for (const parameter of text === '' ? [] : text.split('&')) {
    const name = parameter.slice(0, parameter.indexOf('=') + 1);
    const value = parameter.slice(name.length);
    // What a player tells of itself.
    if (name === 'CMCD=') continue;
    if (!valuePattern.test(value)) return undefined;
    if (name === 'g=' && generation === undefined) generation = value;
    else if (name === 'token=' && token === undefined) token = value;
    else return undefined;
  }
  if (text !== lastText) {
    lastText = text;
    lastQuery = new URLSearchParams(text);
  }
  return { path, playbackId, generation, query: lastQuery };
}

function entryKey({ path, generation }: Asked, grant: Grant): string {
  const { carriedToken, ...shown } = grant;
  const token = manifestPattern.test(path) ? carriedToken : undefined;
  const named = generation === undefined ? '' : `g=${generation}`;
  return `${path}?${named} ${grant.isPrivate ? JSON.stringify(shown) : ''} ${token ?? ''}`;
}

const stamps = new WeakMap<Playback, string>();

/** The same for playbacks of which everything is the same, however often the catalog was asked. */
function stampOf(playback: Playback): string {
  const known = stamps.get(playback);
  if (known !== undefined) return known;
  const { generation, ...rest } = playback;
  const text = JSON.stringify([rest, generation?.id, generation?.fingerprint]);
  stamps.set(playback, text);
  return text;
}

function isUnconditional({ headers }: FastRequest): boolean {
  for (const name of conditions) if (headers[name] !== undefined) return false;
  return true;
}

const statusWords = { 200: 'OK', 206: 'Partial Content', 304: 'Not Modified' } as const;

function headOf(
  status: keyof typeof statusWords,
  common: CommonHeaders,
  headers: OutgoingHttpHeaders,
): string {
  let head = `HTTP/1.1 ${status} ${statusWords[status]}\r\n`;
  const all: OutgoingHttpHeaders = { ...common, ...headers };
  for (const name in all) if (all[name] !== undefined) head += `${name}: ${all[name]}\r\n`;
  return head;
}

function answerOf({ method }: FastRequest, head: string, body: Buffer | undefined): FastAnswer {
  return method === 'HEAD' || !body ? { head } : { head, body };
}
