import { assetUrl } from './assets.ts';
import { checkedNonce, mediaSources, type PagePolicyOptions } from './page-policy.ts';

/** What the page of one playback ID is made of. */
export interface PlayerPageOptions extends PagePolicyOptions {
  /** Shown where there is no title. */
  readonly playbackId: string;
  /** Any text; may be empty. */
  readonly title: string;
  /** Query (without `?`) for every media URL, for instance `token=…`. */
  readonly query?: string | undefined;
  /** What lies beside the tracks. Default: nothing. */
  readonly has?: {
    readonly poster?: boolean;
    readonly storyboard?: boolean;
    readonly waveform?: boolean;
  };
  /** There are no pictures, only sound. Default false. */
  readonly audioOnly?: boolean;
  /** Anybody may play it, so the page offers the code that embeds it. Default false. */
  readonly shareable?: boolean;
  readonly view?: PlayerView;
}

/** What the viewer asked for in the address of the page. */
export interface PlayerView {
  /** Play the DASH manifest through dash.js. Default: HLS. */
  readonly dash?: boolean;
  /** The player alone, to fill a frame. */
  readonly embed?: boolean;
  readonly autoplay?: boolean;
  readonly muted?: boolean;
  readonly loop?: boolean;
  readonly startSeconds?: number | undefined;
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

/** The player page, to be sent with `playerPolicy` of the same nonce. Everything in it is escaped. */
export async function playerPage(options: PlayerPageOptions): Promise<string> {
  mediaSources(options.base);
  const nonce = checkedNonce(options.nonce);
  const { playbackId, has = {}, audioOnly, view = {} } = options;
  const title = escapeHtml(options.title.trim() === '' ? playbackId : options.title.trim());
  const suffix = options.query ? `?${options.query}` : '';
  const url = (name: string): string => escapeHtml(`${options.base}/${name}${suffix}`);
  const script = async (name: string, kind: string) =>
    `<script nonce="${nonce}" src="${await assetUrl(name)}" ${kind}></script>`;
  const scripts = await Promise.all([
    script('shadow-styles.js', 'defer'),
    script(view.dash ? 'dash.js' : 'hls.js', 'defer'),
    // The controls look for menus on the media element when they begin, so whatever fills these comes first.
    script('player.js', 'type="module"'),
    script('media-chrome.js', 'defer'),
  ]);
  const isWaved = audioOnly && has.waveform;
  const stage = audioOnly ? `stage audio${isWaved ? ' waved' : ''}` : 'stage';
  const waveform = isWaved
    ? `<canvas id="waveform" data-source="${url('waveform.json')}" aria-hidden="true" hidden></canvas>\n`
    : '';
  const share =
    options.shareable && !view.embed
      ? `<details id="share" class="share" data-path="/play/${escapeHtml(playbackId)}?embed" hidden>
<summary>Embed</summary>
<textarea readonly rows="4" spellcheck="false" aria-label="Code that embeds this player"></textarea>
<button type="button">Copy</button> <span role="status"></span>
</details>
`
      : '';
  return `<!doctype html>
<html lang="en"${view.embed ? ' class="framed"' : ''}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="${await assetUrl('icon.svg')}">
<link rel="stylesheet" href="${await assetUrl('player.css')}">
${scripts.join('\n')}
</head>
<body>
<main>
<div class="${stage}">
${waveform}<media-controller id="player" lang="en"${audioOnly ? ' audio' : ''}>
${videoElement(options, title, url)}
${audioOnly ? '' : overlay}${settingsMenu}${timeRange}${controlBar(audioOnly)}</media-controller>
<div id="failure" class="failure" role="alert" hidden>
<p class="failure-title">This does not play</p>
<p id="failure-text"></p>
<button id="retry" type="button">Try again</button>
</div>
</div>
<div class="below">
<h1>${title}</h1>
${share}</div>
<noscript><p class="note">The player needs JavaScript. Without it, open <a href="${url('master.m3u8')}">the HLS playlist</a> in a player of your own.</p></noscript>
</main>
</body>
</html>
`;
}

function videoElement(options: PlayerPageOptions, title: string, url: (name: string) => string): string {
  const { has = {}, view = {} } = options;
  const attributes = [
    'id="media" slot="media" playsinline preload="metadata"',
    `aria-label="${title}"`,
    `data-engine="${view.dash ? 'dash' : 'hls'}"`,
    `data-source="${url(view.dash ? 'manifest.mpd' : 'master.m3u8')}"`,
    `data-beacon="${url('beacon')}"`,
    view.startSeconds === undefined ? '' : `data-start="${view.startSeconds}"`,
    has.poster ? `poster="${url('poster.jpg')}"` : '',
    view.autoplay ? 'autoplay' : '',
    view.muted ? 'muted' : '',
    view.loop ? 'loop' : '',
  ];
  const track = has.storyboard
    ? `<track kind="metadata" label="thumbnails" src="${url('storyboard.vtt')}" default>`
    : '';
  return `<video ${attributes.filter((attribute) => attribute !== '').join(' ')}>${track}</video>`;
}

const overlay = `<media-loading-indicator slot="centered-chrome" noautohide><span slot="icon" class="spinner"></span></media-loading-indicator>
<media-play-button slot="centered-chrome" class="start" notooltip></media-play-button>
`;

const submenus = [
  ['Speed', 'media-playback-rate-menu', ' rates="0.5 0.75 1 1.25 1.5 2"'],
  ['Quality', 'media-rendition-menu', ''],
  ['Sound', 'media-audio-track-menu', ''],
  ['Subtitles', 'media-captions-menu', ''],
] as const;

const settingsMenu = `<media-settings-menu hidden anchor="auto" aria-label="Settings">
${submenus
  .map(
    ([name, tag, attributes]) =>
      `<media-settings-menu-item>${name}<${tag} slot="submenu" hidden${attributes} aria-label="${name}"><div slot="title">${name}</div></${tag}></media-settings-menu-item>`,
  )
  .join('\n')}
</media-settings-menu>
`;

const timeRange = '<media-time-range></media-time-range>\n';

function controlBar(audioOnly = false): string {
  const pictures = audioOnly
    ? ''
    : '<media-captions-button></media-captions-button>\n<media-pip-button></media-pip-button>\n';
  const fullscreen = audioOnly ? '' : '<media-fullscreen-button></media-fullscreen-button>\n';
  return `<media-control-bar>
<media-play-button></media-play-button>
<media-seek-backward-button seekoffset="10"></media-seek-backward-button>
<media-seek-forward-button seekoffset="10"></media-seek-forward-button>
<media-mute-button></media-mute-button>
<media-volume-range></media-volume-range>
<media-time-display showduration notoggle></media-time-display>
<span class="gap"></span>
<media-settings-menu-button></media-settings-menu-button>
${pictures}${fullscreen}</media-control-bar>
`;
}
