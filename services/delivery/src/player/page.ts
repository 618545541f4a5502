import { randomBytes } from 'node:crypto';

/** What the page of one playback ID is made of. */
export interface PlayerPageOptions {
  /** Shown where there is no title. */
  readonly playbackId: string;
  /** Any text; may be empty. */
  readonly title: string;
  /** URL of the playback ID without a slash at the end: `/v/<playbackId>`, or absolute where media is on another host. */
  readonly base: string;
  /** Fresh for every response, from `playerNonce`; the same for the page and its policy. */
  readonly nonce: string;
  /** Whether `<base>/poster.jpg` exists. Default false. */
  readonly poster?: boolean | undefined;
  /** Play the DASH manifest through dash.js. Default: HLS. */
  readonly dash?: boolean | undefined;
  /** Query (without `?`) for every media URL, for instance `token=…`. */
  readonly query?: string | undefined;
}

const noncePattern = /^[A-Za-z0-9+/_-]{16,}={0,2}$/;

/** 128 random bits for `nonce`. */
export function playerNonce(): string {
  return randomBytes(16).toString('base64url');
}

function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function mediaOrigin(base: string): string {
  if (/^\/(?![/\\])/.test(base)) return "'self'";
  const url = URL.parse(base);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RangeError(`base must be an absolute path or an http(s) URL, not ${JSON.stringify(base)}.`);
  }
  return `'self' ${url.origin}`;
}

function requireNonce(nonce: string): string {
  if (!noncePattern.test(nonce)) throw new RangeError('nonce must be at least 16 characters of base64.');
  return nonce;
}

/**
 * The `content-security-policy` of the page: nothing but our own script and style, media from one origin and the
 * buffers that players make of it. Framing stays allowed, for the page is there to be embedded.
 */
export function playerPolicy({ base, nonce }: Pick<PlayerPageOptions, 'base' | 'nonce'>): string {
  const media = mediaOrigin(base);
  return [
    "default-src 'none'",
    `script-src 'nonce-${requireNonce(nonce)}'`,
    "style-src 'self'",
    `img-src ${media}`,
    // hls.js begins a text track with an empty file in a data URL.
    `media-src ${media} blob: data:`,
    `connect-src ${media}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** The player page, to be sent with `playerPolicy` of the same nonce. Everything in it is escaped. */
export function playerPage(options: PlayerPageOptions): string {
  mediaOrigin(options.base);
  const nonce = requireNonce(options.nonce);
  const title = escapeHtml(options.title.trim() === '' ? options.playbackId : options.title.trim());
  const suffix = options.query ? `?${options.query}` : '';
  const url = (name: string): string => escapeHtml(`${options.base}/${name}${suffix}`);
  const hls = url('master.m3u8');
  const source = options.dash ? url('manifest.mpd') : hls;
  const engine = options.dash ? 'dash' : 'hls';
  const poster = options.poster ? ` poster="${url('poster.jpg')}"` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="/play/assets/icon.svg">
<link rel="stylesheet" href="/play/assets/player.css">
<script nonce="${nonce}" src="/play/assets/${engine}.js" defer></script>
<script nonce="${nonce}" src="/play/assets/player.js" defer></script>
</head>
<body>
<main>
<div class="stage">
<video id="media" controls playsinline preload="metadata" aria-label="${title}"${poster} data-engine="${engine}" data-source="${source}"></video>
<div id="failure" class="failure" role="alert" hidden>
<p class="failure-title">This does not play</p>
<p id="failure-text"></p>
<button id="retry" type="button">Try again</button>
</div>
</div>
<div class="below">
<h1>${title}</h1>
<div class="menus">
<label id="sound" hidden>Sound <select></select></label>
<label id="text" hidden>Subtitles <select></select></label>
<label id="quality" hidden>Quality <select></select></label>
</div>
</div>
<noscript><p class="note">The player needs JavaScript. Without it, open <a href="${hls}">the HLS playlist</a> in a player of your own.</p></noscript>
</main>
</body>
</html>
`;
}
