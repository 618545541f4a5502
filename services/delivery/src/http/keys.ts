import { KerkisError } from '@kerkis/errors';
import type { OpenView } from '../access/playbacks.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import { clearKeyLicense, maxClearKeyBytes, parseClearKeyRequest } from '../encryption/clear-key.ts';
import type { ContentKey } from '../encryption/content-keys.ts';
import { protectionOf } from '../encryption/protection.ts';
import { type Exchange, send, sendJson, whenGone } from './exchange.ts';

/** What handing out keys needs. */
export interface KeyDependencies {
  readonly view: OpenView<Exchange>;
}

/** What may be sent to the path of licences. */
const licenseMethods = 'POST, OPTIONS';

/** How long a body of a few hundred bytes may take. */
const bodyMs = 5_000;

/** The 16 bytes of a key, to whoever may play. Nobody keeps it. */
export async function contentKey(
  { view }: KeyDependencies,
  to: { readonly kind: 'key'; readonly playbackId: string; readonly keyId: string },
  exchange: Exchange,
): Promise<void> {
  const { generation } = await view(to, exchange);
  const found = keysOf(generation).find(({ id }) => id === to.keyId);
  if (!found) throw keyNotFound();
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': found.key.byteLength,
    'cache-control': 'no-store',
  };
  send(exchange, 200, headers, found.key);
}

/** A ClearKey licence (W3C Encrypted Media Extensions, 9.1) for the keys that are asked for, to whoever may play. */
export async function clearKey(
  { view }: KeyDependencies,
  to: { readonly kind: 'clearkey'; readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  if (exchange.req.method !== 'POST') {
    const message = `Licences are asked for by ${licenseMethods}.`;
    const body = { kind: 'unsupported', reason: 'METHOD_NOT_ALLOWED', message };
    sendJson(exchange, 405, body, { allow: licenseMethods });
    return;
  }
  const { generation } = await view(to, exchange);
  const asked = parseClearKeyRequest(await bodyOf(exchange));
  const found = keysOf(generation).filter(({ id }) => asked.keyIds.has(id));
  if (found.length === 0) throw keyNotFound();
  sendJson(exchange, 200, clearKeyLicense(found, asked.type));
}

function keysOf(generation: PlayableGeneration): readonly ContentKey[] {
  const keys = protectionOf(generation)?.keys;
  return keys ? [keys.video, keys.audio] : [];
}

function keyNotFound(): KerkisError {
  return new KerkisError('not_found', 'KEY_NOT_FOUND', 'There is no such key. Load the manifest again.');
}

/** `invalid` LICENSE_REQUEST_INVALID for what is too long, `cancelled`. */
async function bodyOf(exchange: Exchange): Promise<string> {
  const { req, res } = exchange;
  const signal = AbortSignal.any([whenGone(exchange), AbortSignal.timeout(bodyMs)]);
  const late = () => void req.destroy();
  signal.addEventListener('abort', late, { once: true });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of req as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes <= maxClearKeyBytes) chunks.push(chunk);
      else {
        // What is left of it is not read: the connection ends with the answer.
        if (req.httpVersionMajor < 2) res.setHeader('connection', 'close');
        return '';
      }
    }
  } catch (caught) {
    if (signal.aborted) throw new KerkisError('cancelled', 'CANCELLED', 'The request did not arrive.');
    throw caught;
  } finally {
    signal.removeEventListener('abort', late);
  }
  return Buffer.concat(chunks).toString();
}
