import { isKerkisError, KerkisError } from '@kerkis/errors';
import { type Dispatcher, request } from 'undici';
import { checkedImportUrl, credentialsOf, fileNameOfDisposition } from '../domain/import-url.ts';

/** How a source is fetched. */
export interface FetchOptions {
  readonly dispatcher: Dispatcher;
  readonly maxRedirects: number;
  readonly maxSizeBytes: number;
  readonly signal: AbortSignal;
}

/** A source on its way. */
export interface FetchedSource {
  readonly body: AsyncIterable<Uint8Array>;
  /** Undefined when the server does not say. */
  readonly sizeBytes: number | undefined;
  readonly contentType: string;
  /** As the server names it, for people only; may be empty. */
  readonly fileName: string;
}

type Answer = Dispatcher.ResponseData;

const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * Requests a URL and follows redirects. Credentials in the URL are for its own origin only. Throws IMPORT_ADDRESS_REFUSED,
 * IMPORT_HTTP_STATUS, IMPORT_TOO_MANY_REDIRECTS, IMPORT_ENCODED, IMPORT_UNREACHABLE, UPLOAD_TOO_LARGE; the body throws what
 * `importError` makes an error of.
 */
export async function fetchSource(start: URL, options: FetchOptions): Promise<FetchedSource> {
  const credentials = credentialsOf(start);
  let url = bare(start);
  for (let hops = 0; ; hops++) {
    const authorization = url.origin === start.origin ? credentials : undefined;
    const answer = await send(url, authorization, options);
    if (!redirects.has(answer.statusCode)) return await accepted(answer, options.maxSizeBytes);
    await answer.body.dump({ limit: 64 * 1024 });
    if (hops === options.maxRedirects) {
      throw new KerkisError(
        'invalid',
        'IMPORT_TOO_MANY_REDIRECTS',
        `The URL redirects more than ${options.maxRedirects} times. Give the address of the file itself.`,
      );
    }
    url = nextUrl(answer, url);
  }
}

/** What went wrong with a request or its body, as the reason of the failed import. */
export function importError(caught: unknown, signal: AbortSignal): KerkisError {
  if (isKerkisError(caught)) return caught;
  const { code, cause } = caught as { code?: string; cause?: unknown };
  if (isKerkisError(cause)) return cause;
  const slow = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'];
  if (signal.aborted || (code && slow.includes(code))) {
    return new KerkisError(
      'deadline',
      'IMPORT_TIMEOUT',
      'The server of the URL took too long. Try again later.',
      {
        cause: caught,
      },
    );
  }
  return new KerkisError(
    'unavailable',
    'IMPORT_UNREACHABLE',
    'The server of the URL could not be reached, or broke off. Check the address, then try again.',
    { cause: caught, ...(code && { details: { code } }) },
  );
}

async function send(
  url: URL,
  authorization: string | undefined,
  { dispatcher, signal }: FetchOptions,
): Promise<Answer> {
  try {
    return await request(url, {
      dispatcher,
      signal,
      headers: {
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': 'kerkis',
        ...(authorization && { authorization }),
      },
    });
  } catch (error) {
    throw importError(error, signal);
  }
}

async function accepted(answer: Answer, maxSizeBytes: number): Promise<FetchedSource> {
  try {
    return described(answer, maxSizeBytes);
  } catch (error) {
    answer.body.on('error', () => undefined).destroy();
    throw error;
  }
}

function described(answer: Answer, maxSizeBytes: number): FetchedSource {
  const { statusCode, body } = answer;
  if (statusCode !== 200) {
    throw new KerkisError(
      'invalid',
      'IMPORT_HTTP_STATUS',
      `The server of the URL answered with HTTP status ${statusCode} instead of the file.`,
      { details: { status: String(statusCode) } },
    );
  }
  const encoding = headerOf(answer, 'content-encoding');
  if (encoding && encoding !== 'identity') {
    throw new KerkisError(
      'invalid',
      'IMPORT_ENCODED',
      'The server of the URL sends the file compressed although that was not asked for. Give another address.',
    );
  }
  const length = headerOf(answer, 'content-length');
  const sizeBytes = /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  if ((sizeBytes ?? 0) > maxSizeBytes) {
    throw new KerkisError('too_large', 'UPLOAD_TOO_LARGE', `At most ${maxSizeBytes} bytes may be imported.`, {
      details: { maxSizeBytes: String(maxSizeBytes), sizeBytes: length },
    });
  }
  return {
    body,
    sizeBytes,
    contentType: headerOf(answer, 'content-type').slice(0, 256),
    fileName: fileNameOfDisposition(headerOf(answer, 'content-disposition')),
  };
}

function nextUrl(answer: Answer, from: URL): URL {
  const location = headerOf(answer, 'location');
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (!location || !next) {
    throw new KerkisError('invalid', 'IMPORT_HTTP_STATUS', 'The URL redirects without saying where to.', {
      details: { status: String(answer.statusCode) },
    });
  }
  return bare(checkedImportUrl(next.href));
}

function headerOf({ headers }: Answer, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function bare(url: URL): URL {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  copy.hash = '';
  return copy;
}
