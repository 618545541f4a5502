import { Encryption } from '@kerkis/contracts/catalog';
import { isKerkisError, KerkisError, toKerkisError } from '@kerkis/errors';
import type { Admit } from '../access/admission.ts';
import type { Grant } from '../domain/grant.ts';
import { type Playback, type Playing, toPlaying } from '../domain/playback.ts';
import { assetVersion, playerAsset } from '../player/assets.ts';
import { playerPage } from '../player/page.ts';
import { frameAncestors, playerNonce, playerPolicy } from '../player/page-policy.ts';
import { playerView } from '../player/view.ts';
import type { Lookup } from '../store/lookup.ts';
import { createDocument, type Document, sendDocument } from './document.ts';
import { type Exchange, retryHeaders, send } from './exchange.ts';
import { noticePage, noticePolicy } from './notice-page.ts';

/** What the page needs. */
export interface PlayerDependencies {
  readonly playbacks: Lookup<Playback>;
  readonly admit: Admit;
  /** Origins of the pages that may embed it. */
  readonly embedOrigins: readonly string[];
}

/** The player page, or a page that says why there is none: a person reads this, not a program. */
export async function player(
  { playbacks, admit, embedOrigins }: PlayerDependencies,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  try {
    const playback = await playbacks.get(playbackId);
    const grant = await admit(playback, exchange);
    const playing = toPlaying(playback);
    const page = { ...pageOf(playing, grant), nonce: playerNonce(), embedOrigins };
    const view = playerView(exchange.query);
    const { encryption } = playback;
    // hls.js takes no ClearKey in HLS; dash.js does in DASH, which has no AES-128.
    const dash = encryption === Encryption.CBCS || (view.dash === true && encryption !== Encryption.AES_128);
    const html = await playerPage({ ...page, view: { ...view, dash } });
    sendPage(exchange, 200, html, playerPolicy(page));
  } catch (caught) {
    const error = toKerkisError(caught);
    if (!isKerkisError(caught) || error.kind === 'internal') throw error;
    const policy = `${noticePolicy}; ${frameAncestors(embedOrigins)}`;
    sendPage(exchange, error.mapping.httpStatus, noticePage(error), policy, retryHeaders(error));
  }
}

function pageOf({ playbackId, title, generation }: Playing, grant: Grant) {
  const { carriedToken, previewMs = Number.POSITIVE_INFINITY } = grant;
  return {
    playbackId,
    title,
    base: `/v/${playbackId}`,
    query: carriedToken === undefined ? undefined : `token=${carriedToken}`,
    has: {
      poster: generation.hasPoster,
      waveform: generation.hasWaveform,
      // It shows more than a preview may.
      storyboard: generation.storyboard !== undefined && previewMs >= generation.durationMs,
    },
    audioOnly: !generation.presentation.tracks.some(({ kind }) => kind === 'video'),
    // The token of one viewer is nobody else's.
    shareable: !grant.isPrivate,
  };
}

const documents = new WeakMap<Buffer, Document>();

/** A file of the player page. */
export async function asset(
  { name, version }: { readonly name: string; readonly version?: string | undefined },
  exchange: Exchange,
): Promise<void> {
  const found = await playerAsset(name);
  if (!found)
    throw new KerkisError('not_found', 'PLAYER_ASSET_NOT_FOUND', 'The player has no file of this name.');
  const document = documents.get(found.bytes) ?? createDocument(found.contentType, found.bytes);
  documents.set(found.bytes, document);
  // While edges of two releases serve, one is asked for files of the other: it gives its own, and nobody keeps them.
  const cacheControl =
    version === (await assetVersion()) ? 'public, max-age=31536000, immutable' : 'public, no-cache';
  await sendDocument(exchange, document, { 'cache-control': cacheControl });
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
