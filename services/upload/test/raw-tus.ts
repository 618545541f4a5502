import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';

/** What came back. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly reason: string;
  readonly body: string;
}

/** One request, exactly as told; `Tus-Resumable` is sent unless it is given. Undefined headers are left out. */
export interface RawRequest {
  readonly method: string;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: Uint8Array;
}

/** Sends a request as no well-behaved client would. */
export async function send(url: string, { method, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  const { answer, outgoing } = open(url, { method, headers });
  outgoing.end(body);
  return await answer;
}

/** Opens a request whose body is sent by the caller, bit by bit. */
export function open(
  url: string,
  { method, headers = {} }: RawRequest,
): { outgoing: ClientRequest; answer: Promise<RawAnswer> } {
  const given = { 'tus-resumable': '1.0.0', ...headers };
  const sent = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const outgoing = request(url, { method, headers: sent, agent: false }, (incoming) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.once('error', reject);
    incoming.once('end', () => {
      const text = Buffer.concat(chunks).toString();
      const isJson = incoming.headers['content-type'] === 'application/json' && text !== '';
      resolve({
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        reason: isJson ? JSON.parse(text).reason : '',
        body: text,
      });
    });
  });
  outgoing.once('error', reject);
  // Whoever breaks a request off does not wait for its answer.
  promise.catch(() => undefined);
  return { outgoing, answer: promise };
}

/** Headers of a PATCH. */
export const patchHeaders = (offsetBytes: number, more: Record<string, string | undefined> = {}) => ({
  'content-type': 'application/offset+octet-stream',
  'upload-offset': String(offsetBytes),
  ...more,
});

/** An Upload-Metadata header. */
export function metadataHeader(entries: Record<string, string>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}
