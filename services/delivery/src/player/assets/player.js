// Plays what `data-source` of the video element names, and tells the server how that went.
import { sendBeacons } from './beacons.js';
import { correctRoles } from './control-roles.js';
import { playDash } from './dash-engine.js';
import { offerEmbedCode } from './embed-code.js';
import { playHls } from './hls-engine.js';
import { playNative } from './native-engine.js';
import { refusalOf } from './refusal.js';
import { addTrackLists } from './track-lists.js';
import { drawWaveform } from './waveform.js';

const media = document.getElementById('media');
const controls = document.getElementById('player');
const failure = document.getElementById('failure');
const failureText = document.getElementById('failure-text');
const { engine, source, beacon, start } = media.dataset;
const isDash = engine === 'dash';
const hasMediaSource = isDash ? window.dashjs?.supportsMediaSource() : window.Hls?.isSupported();
const canPlayAlone = !isDash && media.canPlayType('application/vnd.apple.mpegurl') !== '';
const player = isDash ? 'dash.js' : hasMediaSource ? 'hls.js' : 'native';
// Where the browser plays by itself it has lists of its own.
const lists = hasMediaSource ? addTrackLists(media) : undefined;
const tellError = sendBeacons({ media, url: beacon, player });
let stop = () => {};

async function fail(text) {
  stop();
  stop = () => {};
  failureText.textContent = (await refusalOf(source)) ?? text;
  failure.hidden = false;
}

function told(code, isFatal, text) {
  tellError(code, isFatal);
  if (isFatal) void fail(text);
}

function play(startSeconds) {
  failure.hidden = true;
  const options = { media, source, startSeconds, lists, told };
  if (!hasMediaSource && !canPlayAlone) {
    const needed = isDash ? 'which DASH needs' : 'and does not play HLS by itself';
    told('unsupported', true, `This browser has no Media Source Extensions, ${needed}.`);
  } else if (isDash) stop = playDash(options);
  else if (hasMediaSource) stop = playHls(options);
  else stop = playNative(options);
}

// Keys work wherever the page has the focus, not only within the controls; digits jump to tenths.
const isElsewhere = ({ target }) => target === document.body || target === document.documentElement;
const isPlain = ({ ctrlKey, metaKey, altKey }) => !ctrlKey && !metaKey && !altKey;
document.addEventListener('keydown', (event) => {
  if (!isPlain(event)) return;
  if (isElsewhere(event) && event.key === ' ') event.preventDefault();
  const isTyping = event.target.closest?.('textarea, [role=menu]');
  if (/^\d$/.test(event.key) && !isTyping && media.duration > 0) {
    media.currentTime = (Number(event.key) / 10) * media.duration;
  }
});
document.addEventListener('keyup', (event) => {
  if (isElsewhere(event) && isPlain(event)) controls.keyboardShortcutHandler(event);
});

media.addEventListener('loadedmetadata', () => {
  if (media.videoWidth === 0) return;
  document.documentElement.style.setProperty('--ratio', `${media.videoWidth} / ${media.videoHeight}`);
});
document.getElementById('retry').addEventListener('click', () => {
  play(media.currentTime > 0 ? media.currentTime : Number(start ?? 0) || undefined);
});
document.documentElement.classList.toggle('framed', window.self !== window.top);
void correctRoles();
const waveform = document.getElementById('waveform');
if (waveform) drawWaveform(waveform, media).catch(() => {});
const share = document.getElementById('share');
if (share) offerEmbedCode(share, media.getAttribute('aria-label'));
play(start === undefined ? undefined : Number(start));
