import { existsSync } from 'node:fs';
import { makeMedia } from '@kerkis/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type UploadDone, uploadFile } from './harness/cli.ts';
import { type EmbeddedMesh, startEmbedded } from './harness/embedded.ts';
import { type ShakaPage, startShakaPage } from './harness/shaka-page.ts';
import { tellOnFailure } from './harness/tell-on-failure.ts';

/** What these tests use of a media element. */
interface MediaElement {
  currentTime: number;
  playbackRate: number;
  readonly duration: number;
  readonly readyState: number;
  readonly ended: boolean;
  readonly videoWidth: number;
  readonly error: { readonly message: string } | null;
  play(): Promise<void>;
  addEventListener(event: string, listener: (event: unknown) => void, options?: { once: boolean }): void;
}

const executablePath = process.env.KERKIS_CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) console.warn(`SKIPPED: players in a browser; there is no ${executablePath}.`);

const seconds = 9;

describe.skipIf(!hasBrowser)('Chromium plays what is READY', () => {
  const resources = new AsyncDisposableStack();
  let mesh: EmbeddedMesh;
  let shaka: ShakaPage;
  let browser: Browser;
  let film: UploadDone;
  let podcast: UploadDone;

  beforeAll(async () => {
    mesh = resources.use(await startEmbedded());
    shaka = resources.use(await startShakaPage());
    const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
    browser = resources.adopt(await chromium.launch({ executablePath, args }), (open) => open.close());
    const video = { width: 1280, height: 720 };
    film = await uploadFile(mesh.url, await makeMedia('e2e-player', { seconds, video }));
    podcast = await uploadFile(
      mesh.url,
      await makeMedia('e2e-sound', { seconds, video: false, container: 'm4a' }),
    );
  });

  afterAll(() => resources.disposeAsync());

  tellOnFailure(() => mesh);

  const address = {
    'hls.js': ({ playbackId }: UploadDone) => `${mesh.url}/play/${playbackId}`,
    'dash.js': ({ playbackId }: UploadDone) => `${mesh.url}/play/${playbackId}?dash=1`,
    'shaka, DASH': ({ playbackId }: UploadDone) => shaka.play(`${mesh.url}/v/${playbackId}/manifest.mpd`),
    'shaka, HLS': ({ playbackUrl }: UploadDone) => shaka.play(playbackUrl),
  };
  const players = Object.entries(address);

  async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(url);
    return { page, complaints };
  }

  test.each(players)('a film to its end: %s', async (_, addressOf) => {
    const { page, complaints } = await open(addressOf(film));
    const end = await playToEnd(page, 0);
    expect(end).toMatchObject({ ended: true, error: null });
    expect(end.duration).toBeCloseTo(seconds, 1);
    expect(end.currentTime).toBeCloseTo(end.duration, 1);
    expect([256, 426, 640]).toContain(end.videoWidth);
    // From what was near the end back into the middle, and on to the end again.
    const again = await playToEnd(page, 4.5);
    expect(again).toMatchObject({ ended: true, error: null });
    expect(again.playedFrom).toBeCloseTo(4.5, 1);
    expect(again.currentTime).toBeCloseTo(again.duration, 1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each(players)('a seek before anything was played: %s', async (_, addressOf) => {
    const { page, complaints } = await open(addressOf(film));
    const end = await playToEnd(page, 6.2);
    expect(end).toMatchObject({ ended: true, error: null });
    expect(end.playedFrom).toBeCloseTo(6.2, 1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each(players)('sound alone: %s', async (_, addressOf) => {
    const { page, complaints } = await open(addressOf(podcast));
    const end = await playToEnd(page, 0);
    expect(end).toMatchObject({ ended: true, error: null, videoWidth: 0 });
    expect(end.currentTime).toBeCloseTo(end.duration, 1);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

/** Seeks, plays at four times the speed until the element says that it ended, and tells what it then is like. */
async function playToEnd(page: Page, fromSeconds: number) {
  return page.locator('#media').evaluate(async (media: MediaElement, from) => {
    const next = (event: string) =>
      new Promise((resolve, reject) => {
        media.addEventListener(event, resolve, { once: true });
        media.addEventListener('error', () => reject(new Error(media.error?.message)), { once: true });
      });
    // Players put the position at the start when they have loaded: only then a seek is one.
    if (media.readyState < 3) await next('canplay');
    if (from > 0) {
      const seeked = next('seeked');
      media.currentTime = from;
      await seeked;
    }
    const playedFrom = media.currentTime;
    const ended = next('ended');
    media.playbackRate = 4;
    await media.play();
    await ended;
    const { currentTime, duration, videoWidth, error } = media;
    return { currentTime, duration, videoWidth, playedFrom, ended: media.ended, error };
  }, fromSeconds);
}
