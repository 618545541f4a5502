import { isKerkisError, KerkisError, toKerkisError } from '@kerkis/errors';
import { admit, type Playback } from '../domain/playback.ts';
import { playerAsset } from '../player/assets.ts';
import { playerNonce, playerPage, playerPolicy } from '../player/page.ts';
import type { Lookup } from '../store/lookup.ts';
import { createDocument, type Document, sendDocument } from './document.ts';
import { type Exchange, retryHeaders, send } from './exchange.ts';
import { noticePage, noticePolicy } from './notice-page.ts';

/** The player page, or a page that says why there is none: a person reads this, not a program. */
export async function player(
  playbacks: Lookup<Playback>,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  try {
    const { title, generation } = admit(await playbacks.get(playbackId));
    const nonce = playerNonce();
    const base = `/v/${playbackId}`;
    const dash = exchange.query.get('dash') === '1';
    const page = playerPage({ playbackId, title, base, nonce, dash, poster: generation.hasPoster });
    sendPage(exchange, 200, page, playerPolicy({ base, nonce }));
  } catch (caught) {
    const error = toKerkisError(caught);
    if (!isKerkisError(caught) || error.kind === 'internal') throw error;
    sendPage(exchange, error.mapping.httpStatus, noticePage(error), noticePolicy, retryHeaders(error));
  }
}

const documents = new WeakMap<Buffer, Document>();

/** A file of the player page. */
export async function asset({ name }: { readonly name: string }, exchange: Exchange): Promise<void> {
  const found = await playerAsset(name);
  if (!found)
    throw new KerkisError('not_found', 'PLAYER_ASSET_NOT_FOUND', 'The player has no file of this name.');
  const document = documents.get(found.bytes) ?? createDocument(found.contentType, found.bytes);
  documents.set(found.bytes, document);
  await sendDocument(exchange, document, { 'cache-control': 'public, max-age=3600' });
}

function sendPage(
  exchange: Exchange,
  status: number,
  html: string,
  policy: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  send(
    exchange,
    status,
    {
      'content-type': 'text/html; charset=utf-8',
      'content-length': Buffer.byteLength(html),
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      ...headers,
    },
    html,
  );
}
