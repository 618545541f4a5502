// A signed film in the player page, in a real browser, while its key is rotated.
import { existsSync } from 'node:fs';
import { newId } from '@kerkis/ids';
import { tempDir } from '@kerkis/testing';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { durationSeconds, generatePresentation } from '../src/player/playback-fixture.ts';
import { decodedFrames } from './decoded-frames.ts';
import { type Edge, generationOf, startEdge, storeMedia } from './edge-fixture.ts';
import { addKey, publishSigned, revokeKey } from './signed.ts';

/** What these tests use of a media element. */
interface MediaElement {
  readonly currentTime: number;
  readonly videoWidth: number;
  playbackRate: number;
  play(): Promise<void>;
  addEventListener(event: string, listener: (event: unknown) => void): void;
}

const executablePath = process.env.KERKIS_CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) console.warn(`SKIPPED: signed films in a browser; there is no ${executablePath}.`);

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let edge: Edge;
let directory: string;
let presentation: Awaited<ReturnType<typeof generatePresentation>>;

beforeAll(async () => {
  directory = stack.use(await tempDir('signed')).path;
  presentation = await generatePresentation(directory);
  edge = stack.use(await startEdge());
});

async function signedFilm() {
  const key = await addKey(edge);
  const film = publishSigned(edge, generationOf(presentation, newId('ast')), key);
  await storeMedia(
    edge.store,
    directory,
    film.generation,
    presentation.tracks.map(({ name }) => name),
  );
  return { ...film, key };
}

test.each(['master.m3u8', 'manifest.mpd'])(
  'ffmpeg reads a signed %s with its token in the address',
  async (name) => {
    const { base, sign } = await signedFilm();
    const { frames, complaints } = await decodedFrames(
      `${edge.url}${base}/${name}?token=${await sign()}`,
      'v',
    );
    expect({ frames, complaints }).toEqual({ frames: [durationSeconds * 25], complaints: '' });
  },
);

test('ffmpeg ends where the preview does', async () => {
  const { base, sign } = await signedFilm();
  const token = await sign({ previewSeconds: 3, maxHeight: 100 });
  const { frames, complaints } = await decodedFrames(`${edge.url}${base}/master.m3u8?token=${token}`, 'v');
  expect({ frames, complaints }).toEqual({ frames: [4 * 25], complaints: '' });
});

describe.skipIf(!hasBrowser)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
    browser = await chromium.launch({ executablePath, args });
  });
  afterAll(() => browser?.close());

  test.each([
    { way: 'HLS, query', query: '' },
    { way: 'DASH, query', query: '&player=dash' },
    { way: 'HLS, cookie', query: undefined },
    { way: 'HLS, preview', query: '', previewSeconds: 3 },
    { way: 'DASH, preview', query: '&player=dash', previewSeconds: 3 },
  ])('plays to the end: $way', async ({ query, previewSeconds }) => {
    const film = await signedFilm();
    // The page loads from our own host, which counts for tokens that name others.
    const token = await film.sign({
      referrers: ['studio.example.com'],
      ...(previewSeconds !== undefined && { previewSeconds }),
    });
    const context = await browser.newContext();
    const page = await context.newPage();
    const refused: string[] = [];
    page.on(
      'response',
      (answer) => answer.status() >= 400 && refused.push(`${answer.status()} ${answer.url()}`),
    );
    if (query === undefined)
      await context.addCookies([{ name: 'kerkis_token', value: token, url: edge.url }]);
    const address = `${edge.url}/play/${film.playbackId}`;
    await page.goto(query === undefined ? address : `${address}?token=${token}${query}`, {
      referer: 'https://studio.example.com/films',
    });
    // Somebody signs with another key from now on; who began with the old one goes on.
    await addKey(edge, 'ES256');
    const rate = previewSeconds === undefined ? 4 : 1;
    const end = await page.locator('#media').evaluate(async (media: MediaElement, playbackRate) => {
      const ended = new Promise((resolve, reject) => {
        media.addEventListener('ended', resolve);
        media.addEventListener('error', reject);
      });
      media.playbackRate = playbackRate;
      await media.play();
      await ended;
      return { currentTime: media.currentTime, videoWidth: media.videoWidth };
    }, rate);
    // A preview may go on to the end of the segment that reaches it.
    const [from, to] = previewSeconds === undefined ? [durationSeconds, durationSeconds + 1] : [3, 4];
    expect(end.currentTime).toBeGreaterThan(from - 0.1);
    expect(end.currentTime).toBeLessThan(to + 0.1);
    expect([160, 320]).toContain(end.videoWidth);
    expect(refused).toEqual([]);
    await context.close();
  });

  test('a page without a token says so, and one whose key is revoked as well', async () => {
    const film = await signedFilm();
    const page = await browser.newPage();
    await page.goto(`${edge.url}/play/${film.playbackId}`);
    expect(await page.locator('.failure').textContent()).toContain('holders of a signed token');
    const address = `${edge.url}/play/${film.playbackId}?token=${await film.sign()}`;
    await page.goto(address);
    expect(await page.locator('h1').textContent()).toBe('A film');
    revokeKey(edge, film.key);
    await expect
      .poll(async () => {
        await page.goto(address);
        return page.locator('.failure[role=alert]').first().textContent();
      })
      .toContain('was revoked');
    await page.close();
  });
});
