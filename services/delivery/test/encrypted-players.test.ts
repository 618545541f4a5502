// What is encrypted, in players that people have: hls.js decrypts whole segments itself, shaka-player lets Chromium's ClearKey do it.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Encryption } from '@kerkis/contracts/catalog';
import { newId } from '@kerkis/ids';
import { tempDir } from '@kerkis/testing';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { durationSeconds, generatePresentation } from '../src/player/playback-fixture.ts';
import { type Edge, generationOf, publish, startEdge, storeMedia } from './edge-fixture.ts';
import { encrypt } from './encrypted.ts';
import { addKey, publishSigned } from './signed.ts';

const executablePath = process.env.KERKIS_CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) console.warn(`SKIPPED: encrypted playback in a browser; there is no ${executablePath}.`);

/** What these tests use of a media element. */
interface MediaElement {
  currentTime: number;
  playbackRate: number;
  readonly mediaKeys: object | null;
  readonly videoWidth: number;
  play(): Promise<void>;
  addEventListener(event: string, listener: (event: unknown) => void): void;
  getVideoPlaybackQuality(): { readonly totalVideoFrames: number };
}

const scripts = {
  'hls.js': fileURLToPath(import.meta.resolve('hls.js/dist/hls.min.js')),
  'shaka.js': fileURLToPath(import.meta.resolve('shaka-player/dist/shaka-player.compiled.js')),
} as const;
const starts = {
  'hls.js': `const player = new Hls({ enableWorker: false });
player.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && console.error('hls.js', details));
player.loadSource(url);
player.attachMedia(media);`,
  'shaka.js': `const player = new shaka.Player();
const tell = ({ code, data }) => console.error('shaka', code, JSON.stringify(data));
player.addEventListener('error', ({ detail }) => tell(detail));
player.attach(media).then(() => player.load(url)).catch(tell);`,
} as const;

describe.skipIf(!hasBrowser)('in Chromium', () => {
  const stack = new AsyncDisposableStack();
  let edge: Edge;
  let browser: Browser;
  let pages: string;
  const bases = {} as Record<'whole' | 'samples' | 'signed', string>;
  let token: string;

  beforeAll(async () => {
    const directory = stack.use(await tempDir('players')).path;
    const film = await generatePresentation(directory);
    const config = 'delivery: {encryption: {secret: "a secret of more than thirty-two characters"}}';
    edge = stack.use(await startEdge({ config }));
    const generation = generationOf(film, newId('ast'));
    const tracks = film.tracks.map(({ name }) => name);
    await storeMedia(edge.store, directory, generation, tracks);
    const published = (
      encryption: Encryption,
      { playbackId, base }: { playbackId: string; base: string },
    ) => {
      encrypt(edge, playbackId, encryption);
      return edge.url + base;
    };
    bases.whole = published(Encryption.AES_128, publish(edge, generation));
    bases.samples = published(Encryption.CBCS, publish(edge, generation));
    const signed = publishSigned(edge, generation, await addKey(edge));
    bases.signed = published(Encryption.CBCS, signed);
    token = await signed.sign();
    const server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      const script = scripts[pathname.slice(1) as keyof typeof scripts];
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html; charset=utf-8');
      response.end(script ? await readFile(script) : pageOf(pathname.slice(6) as keyof typeof starts));
    });
    stack.defer(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    pages = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
    browser = stack.adopt(await chromium.launch({ executablePath, args }), (open) => open.close());
  });
  afterAll(() => stack.disposeAsync());

  function pageOf(player: keyof typeof starts): string {
    return `<!doctype html>
<link rel="icon" href="data:,">
<video id="media" muted></video>
<script src="/${player}"></script>
<script>
const url = new URL(location).searchParams.get('url');
const media = document.getElementById('media');
${starts[player]}
</script>
`;
  }

  async function play(address: string) {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(address);
    const played = page.locator('#media').evaluate(async (media: MediaElement) => {
      const ended = new Promise((resolve, reject) => {
        media.addEventListener('ended', resolve);
        media.addEventListener('error', reject);
      });
      media.playbackRate = 4;
      await media.play();
      await ended;
      const { totalVideoFrames } = media.getVideoPlaybackQuality();
      return {
        seconds: media.currentTime,
        width: media.videoWidth,
        frames: totalVideoFrames,
        isByKeys: media.mediaKeys !== null,
      };
    });
    const failed = new Promise<never>((_, reject) => {
      page.on('console', (message) => message.type() === 'error' && reject(new Error(message.text())));
    });
    const result = await Promise.race([played, failed]);
    await page.close();
    return { ...result, complaints };
  }

  test.each([
    { player: 'hls.js', of: 'whole', name: 'master.m3u8' },
    { player: 'shaka.js', of: 'samples', name: 'manifest.mpd' },
    { player: 'shaka.js', of: 'samples', name: 'master.m3u8' },
  ] as const)('$player plays $of segments of $name to the end', async ({ player, of, name }) => {
    const { seconds, frames, width, isByKeys, complaints } = await play(
      `${pages}/play-${player}?${new URLSearchParams({ url: `${bases[of]}/${name}` })}`,
    );
    expect(complaints).toEqual([]);
    expect(seconds).toBeGreaterThan(durationSeconds - 0.2);
    expect(frames).toBeGreaterThan(100);
    expect(width).toBeGreaterThan(0);
    expect(isByKeys).toBe(of !== 'whole');
  });

  test.each(['whole', 'samples', 'signed'] as const)('the player page plays %s segments', async (of) => {
    const query = of === 'signed' ? `?token=${token}` : '';
    const { seconds, frames, isByKeys, complaints } = await play(bases[of].replace('/v/', '/play/') + query);
    expect(complaints).toEqual([]);
    expect(seconds).toBeGreaterThan(durationSeconds - 0.2);
    expect(frames).toBeGreaterThan(100);
    expect(isByKeys).toBe(of !== 'whole');
  });
});
