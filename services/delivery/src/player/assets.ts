import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** One file of the player page, served at `/play/assets/<name>`. */
export interface PlayerAsset {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Strong, quoted, of the content. */
  readonly etag: string;
}

const packages = createRequire(import.meta.url);
const own = (name: string): string => fileURLToPath(new URL(`./assets/${name}`, import.meta.url));
const script = 'text/javascript; charset=utf-8';

// The full hls.js: the light one has neither alternate audio nor subtitles.
const files = new Map([
  ['player.js', { contentType: script, path: () => own('player.js') }],
  ['player.css', { contentType: 'text/css; charset=utf-8', path: () => own('player.css') }],
  ['icon.svg', { contentType: 'image/svg+xml', path: () => own('icon.svg') }],
  ['hls.js', { contentType: script, path: () => packages.resolve('hls.js/dist/hls.min.js') }],
  ['dash.js', { contentType: script, path: () => packages.resolve('dashjs') }],
]);

/** Read once: they change only with the program itself. */
const loaded = new Map<string, Promise<PlayerAsset>>();

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
