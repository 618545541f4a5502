import type { IncomingHttpHeaders } from 'node:http';

/** A request whose reading leaves no room for opinions: of a plain path, HTTP/1.1, kept alive, without a body. */
export interface CanonicalRequest {
  /** OPTIONS is what browsers ask with beforehand. */
  readonly method: 'GET' | 'HEAD' | 'OPTIONS';
  /** Path and query as they came. */
  readonly url: string;
  /** As Node gives them; no name occurs twice. Shared between requests: not to be changed. */
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** A canonical request and where its head, which is all of it, ends in the text. */
export interface ReadHead {
  readonly request: CanonicalRequest;
  readonly end: number;
}

/** Longest head that is looked at. Node takes 16 KiB. */
const maxHeadLength = 8 * 1024;

const maxFields = 64;
const version = ' HTTP/1.1';
const urlPattern = /^\/(?:[\w.~-][\w.~/?=&%+,:-]*)?$/;
const namePattern = /^[A-Za-z0-9-]{1,64}$/;
const valuePattern = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** What complete lines and the beginning of another one are made of. */
const partialPattern = /^(?:[\x20-\x7e]|\r\n)*\r?$/;

/** Fields that say where a message ends or what becomes of the connection, and those that Node gives in another form. */
const refusedNames: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Reads the head of a request at a place of a text in which each character is a byte. `incomplete`: it may become canonical
 * with more bytes. `declined`: another parser has to say what this is, from the same place on.
 */
export function readHead(text: string, start: number): ReadHead | 'incomplete' | 'declined' {
  const method = methodAt(text, start);
  if (!method) return beginning(text, start);
  const lineEnd = text.indexOf('\r\n', start);
  const headEnd = lineEnd < 0 ? -1 : text.indexOf('\r\n\r\n', lineEnd);
  if (headEnd < 0) return partial(text, start);
  if (headEnd - start > maxHeadLength) return 'declined';
  const urlEnd = lineEnd - version.length;
  const url = text.slice(start + method.length + 1, urlEnd);
  if (!text.startsWith(version, urlEnd) || !urlPattern.test(url)) return 'declined';
  const headers = headersOf(text.slice(lineEnd + 2, headEnd + 2));
  if (!headers) return 'declined';
  return { request: { method, url, headers }, end: headEnd + 4 };
}

function methodAt(text: string, start: number): CanonicalRequest['method'] | undefined {
  if (text.startsWith('GET /', start)) return 'GET';
  if (text.startsWith('HEAD /', start)) return 'HEAD';
  return text.startsWith('OPTIONS /', start) ? 'OPTIONS' : undefined;
}

function beginning(text: string, start: number): 'incomplete' | 'declined' {
  const seen = text.slice(start, start + 9);
  return ['GET /', 'HEAD /', 'OPTIONS /'].some((begin) => begin.startsWith(seen)) ? 'incomplete' : 'declined';
}

function partial(text: string, start: number): 'incomplete' | 'declined' {
  if (text.length - start > maxHeadLength) return 'declined';
  return partialPattern.test(text.slice(start)) ? 'incomplete' : 'declined';
}

/** Viewers send the same fields again and again: two generations of what was read, the older one forgotten when the younger is full. */
let young = new Map<string, Readonly<IncomingHttpHeaders>>();
let old: typeof young = new Map();
const maxRemembered = 512;
const maxRememberedLength = 2048;

function headersOf(block: string): Readonly<IncomingHttpHeaders> | undefined {
  // Ranges hardly come again.
  if (block.length > maxRememberedLength || block.includes('ange: bytes')) return readFields(block);
  const known = young.get(block);
  if (known) return known;
  // A part of a text keeps all of it in memory.
  const copy = Buffer.from(block, 'latin1').toString('latin1');
  const headers = old.get(copy) ?? readFields(copy);
  if (!headers) return undefined;
  if (young.size >= maxRemembered) {
    old = young;
    young = new Map();
  }
  young.set(copy, headers);
  return headers;
}

/** Lower-case names by the spelling that came, undefined for those that are refused. */
const names = new Map<string, string | undefined>();
const maxNames = 1024;

function nameOf(spelling: string): string | undefined {
  if (names.has(spelling)) return names.get(spelling);
  const name = namePattern.test(spelling) ? spelling.toLowerCase() : '';
  const known = name === '' || refusedNames.has(name) ? undefined : name;
  if (names.size < maxNames) names.set(spelling, known);
  return known;
}

function readFields(block: string): Readonly<IncomingHttpHeaders> | undefined {
  const headers: Record<string, string> = Object.create(null);
  let at = 0;
  for (let count = 0; at < block.length; count++) {
    const lineEnd = block.indexOf('\r\n', at);
    const colon = block.indexOf(': ', at);
    if (count === maxFields || colon < 0 || colon > lineEnd) return undefined;
    const name = nameOf(block.slice(at, colon));
    const value = block.slice(colon + 2, lineEnd);
    if (name === undefined || headers[name] !== undefined || !valuePattern.test(value)) return undefined;
    if (name === 'connection' && value !== 'keep-alive') return undefined;
    headers[name] = value;
    at = lineEnd + 2;
  }
  return headers.host === undefined ? undefined : headers;
}
