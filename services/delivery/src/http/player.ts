import { isKerkisError, KerkisError, toKerkisError } from '@kerkis/errors';
import type { Admit } from '../access/admission.ts';
import { type Playback, toPlaying } from '../domain/playback.ts';
import { playerAsset } from '../player/assets.ts';
import { playerNonce, playerPage, playerPolicy } from '../player/page.ts';
import type { Lookup } from '../store/lookup.ts';
import { createDocument, type Document, sendDocument } from './document.ts';
import { type Exchange, retryHeaders, send } from './exchange.ts';
import { noticePage, noticePolicy } from './notice-page.ts';

/** What the page needs. */
export interface PlayerDependencies {
  readonly playbacks: Lookup<Playback>;
  readonly admit: Admit;
}

/** The player page, or a page that says why there is none: a person reads this, not a program. */
export async function player(
  { playbacks, admit }: PlayerDependencies,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  try {
    const playback = await playbacks.get(playbackId);
    const { carriedToken } = await admit(playback, exchange);
    const { title, generation } = toPlaying(playback);
    const nonce = playerNonce();
    const base = `/v/${playbackId}`;
    const dash = exchange.query.get('dash') === '1';
    const query = carriedToken === undefined ? undefined : `token=${carriedToken}`;
    const page = playerPage({ playbackId, title, base, nonce, dash, query, poster: generation.hasPoster });
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
      // The token is in the address; that the page is ours may be told, for tokens that ask who refers to them.
      'referrer-policy': 'strict-origin',
      'cache-control': 'no-store',
      ...headers,
    },
    html,
  );
}
