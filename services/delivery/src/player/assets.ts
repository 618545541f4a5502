import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One file of the player page, served at `/play/assets/<version>/<name>`. */
export interface PlayerAsset {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Strong, quoted, of the content. */
  readonly etag: string;
}

const packages = createRequire(import.meta.url);
const own = (name: string) => ({
  contentType: script,
  path: () => fileURLToPath(new URL(`./assets/${name}`, import.meta.url)),
});
const script = 'text/javascript; charset=utf-8';
const ownScripts = [
  'player.js',
  'shadow-styles.js',
  'control-roles.js',
  'track-lists.js',
  'hls-engine.js',
  'dash-engine.js',
  'native-engine.js',
  'beacons.js',
  'refusal.js',
  'waveform.js',
  'embed-code.js',
];

// The full hls.js: the light one has neither alternate audio nor subtitles. Of the controls the build with menus.
const files = new Map([
  ...ownScripts.map((name) => [name, own(name)] as const),
  ['player.css', { ...own('player.css'), contentType: 'text/css; charset=utf-8' }],
  ['icon.svg', { ...own('icon.svg'), contentType: 'image/svg+xml' }],
  ['hls.js', { contentType: script, path: () => packages.resolve('hls.js/dist/hls.min.js') }],
  ['dash.js', { contentType: script, path: () => packages.resolve('dashjs') }],
  [
    'media-chrome.js',
    {
      contentType: script,
      path: () => join(dirname(packages.resolve('media-chrome')), '../iife/all.js'),
    },
  ],
]);

/** Read once: they change only with the program itself. */
const loaded = new Map<string, Promise<PlayerAsset>>();
let version: Promise<string> | undefined;

async function load(path: string, contentType: string): Promise<PlayerAsset> {
  const bytes = await readFile(path);
  const digest = createHash('sha256').update(bytes).digest('base64url');
  return { bytes, contentType, etag: `"${digest.slice(0, 22)}"` };
}

/** The asset of that name, or undefined for a name that is none. */
export function playerAsset(name: string): Promise<PlayerAsset | undefined> {
  const file = files.get(name);
  if (file === undefined) return Promise.resolve(undefined);
  let asset = loaded.get(name);
  if (asset === undefined) {
    asset = load(file.path(), file.contentType);
    loaded.set(name, asset);
  }
  return asset;
}

/** Changes with any asset: part of their URLs, so that caches keep them for good and never mix those of two releases. */
export function assetVersion(): Promise<string> {
  version ??= digestOfAll();
  return version;
}

async function digestOfAll(): Promise<string> {
  const assets = await Promise.all([...files.keys()].map((name) => playerAsset(name)));
  const hash = createHash('sha256');
  for (const asset of assets) hash.update(asset?.etag ?? '');
  return hash.digest('hex').slice(0, 12);
}

/** Where an asset is: `/play/assets/<version>/<name>`. */
export async function assetUrl(name: string): Promise<string> {
  return `/play/assets/${await assetVersion()}/${name}`;
}
