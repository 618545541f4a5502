// The player page of a real edge in a real browser: keys, scrubber, embedding, policy, accessibility and beacons.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { Encryption } from '@kerkis/contracts/catalog';
import { newId } from '@kerkis/ids';
import { freePort, tempDir, waitUntil } from '@kerkis/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { durationSeconds, generatePresentation, generateText } from '../src/player/playback-fixture.ts';
import { type Edge, generationOf, publish, startEdge, storeMedia } from './edge-fixture.ts';

/** What these tests use of a media element. */
interface MediaElement {
  readonly currentTime: number;
  readonly paused: boolean;
  readonly muted: boolean;
  readonly loop: boolean;
  readonly ended: boolean;
  readonly readyState: number;
  readonly playbackRate: number;
}

const executablePath = process.env.KERKIS_CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) console.warn(`SKIPPED: the player page of an edge; there is no ${executablePath}.`);

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==', 'base64');
const artefacts = {
  poster: true,
  waveform: true,
  storyboard: { intervalMs: 1000n, tileCount: 6, tileWidth: 160, tileHeight: 90, columns: 6, rows: 1 },
};

describe.skipIf(!hasBrowser)('the player page', () => {
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());
  let edge: Edge;
  let browser: Browser;
  let elsewhere: number;
  let film: string;
  let podcast: string;

  beforeAll(async () => {
    const directory = stack.use(await tempDir('page')).path;
    const presentation = await generatePresentation(directory);
    const text = await generateText(directory, 'en', false);
    elsewhere = await freePort();
    edge = stack.use(
      await startEdge({
        config: `delivery: {embedOrigins: ["http://127.0.0.1:${elsewhere}"], encryption: {secret: "a secret of more than thirty-two characters"}}`,
      }),
    );
    const publishMedia = async (tracks: typeof presentation.tracks) => {
      const whole = { ...presentation, tracks: [...tracks, text] };
      const generation = generationOf(whole, newId('ast'), { artefacts });
      const { playbackId } = publish(edge, generation);
      const prefix = `media/${generation.assetId}/${generation.id}`;
      const cut = tracks.map(({ name }) => name);
      await storeMedia(edge.store, directory, generation, cut);
      for (const name of ['poster.jpg', 'storyboard-1.jpg'])
        await edge.store.put(`${prefix}/images/${name}`, pixel);
      const wave = { version: 2, channels: 1, bits: 8, length: 4, data: [-9, 9, -99, 90, -50, 40, -5, 5] };
      await edge.store.put(`${prefix}/images/waveform.json`, Buffer.from(JSON.stringify(wave)));
      return playbackId;
    };
    film = await publishMedia(presentation.tracks);
    podcast = await publishMedia(presentation.tracks.filter(({ kind }) => kind === 'audio'));
    const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
    browser = await chromium.launch({ executablePath, args });
    stack.defer(() => browser.close());
  });

  async function open(address: string): Promise<{ page: Page; complaints: string[]; beacons: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1100, height: 760 } });
    const complaints: string[] = [];
    const beacons: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (request.method() === 'POST') beacons.push(request.postData() ?? '');
    });
    await page.goto(address.startsWith('/') ? `${edge.url}${address}` : address);
    return { page, complaints, beacons };
  }

  const media = <Value>(
    page: Page | ReturnType<Page['frames']>[number],
    read: (media: MediaElement) => Value,
  ) => page.locator('#media').evaluate(read as (media: unknown) => Value);

  test('is played by keys wherever the focus is', async () => {
    const { page, complaints } = await open(`/play/${film}`);
    await expect.poll(() => media(page, ({ readyState }) => readyState)).toBeGreaterThan(1);
    await page.keyboard.press('5');
    expect(await media(page, ({ currentTime }) => currentTime)).toBeCloseTo(durationSeconds / 2, 1);
    await page.keyboard.press('m');
    await expect.poll(() => media(page, ({ muted }) => muted)).toBe(true);
    await page.keyboard.press(' ');
    await expect.poll(() => media(page, ({ paused }) => paused)).toBe(false);
    await page.keyboard.press('k');
    await expect.poll(() => media(page, ({ paused }) => paused)).toBe(true);
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => media(page, ({ currentTime }) => currentTime)).toBe(0);
    // By the keyboard alone to a choice in a menu.
    await page.locator('media-settings-menu-button').focus();
    await page.keyboard.press('Enter');
    const focused = page.locator(':focus');
    await expect.poll(() => focused.first().textContent()).toContain('Speed');
    await page.keyboard.press('Enter');
    await expect.poll(() => focused.last().textContent()).toContain('0.5x');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => media(page, ({ playbackRate }) => playbackRate)).toBe(0.75);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('shows the storyboard above the scrubber', async () => {
    const { page, complaints } = await open(`/play/${film}`);
    await expect.poll(() => media(page, ({ readyState }) => readyState)).toBeGreaterThan(1);
    const range = page.locator('media-time-range');
    const shown = () =>
      page
        .locator('media-preview-thumbnail img')
        .first()
        .evaluate((image: unknown) => (image as { src: string }).src);
    await expect
      .poll(async () => {
        await range.hover({ position: { x: 300, y: 16 } });
        await range.hover({ position: { x: 500, y: 16 } });
        return shown();
      })
      .toContain(`/v/${film}/storyboard-1.jpg`);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('does what its address asks for, and tells of the first frame and the time watched', async () => {
    const { page, complaints, beacons } = await open(`/play/${film}?autoplay&muted&t=3`);
    await expect.poll(() => media(page, ({ currentTime }) => currentTime)).toBeGreaterThan(3);
    expect(await media(page, ({ muted }) => muted)).toBe(true);
    await expect.poll(() => media(page, ({ ended }) => ended), { timeout: 20_000 }).toBe(true);
    const metrics = async () => (await edge.get('/metrics')).body.toString();
    await waitUntil(async () => /kerkis_player_watched\w*\{[^}]*player="hls.js"/.test(await metrics()), {
      what: 'the time watched is counted',
    });
    expect(await metrics()).toMatch(/kerkis_player_startup\w*_count\{[^}]*player="hls.js"[^}]*\} [1-9]/);
    expect(await metrics()).not.toMatch(/kerkis_player_beacons\w*\{[^}]*outcome="refused"/);
    const events = beacons.map((body) => JSON.parse(body).event);
    expect(events.filter((event) => event === 'first_frame')).toHaveLength(1);
    expect(events).toContain('watched');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('plays in a frame of a page that may embed it, and in no other', async () => {
    const server = createServer((request, response) => {
      const src = `${edge.url}/play/${film}?embed&autoplay&muted&loop`;
      response.setHeader('content-type', 'text/html');
      response.end(request.url === '/' ? `<iframe src="${src}" width="640" height="360"></iframe>` : '');
    });
    await new Promise<void>((resolve) => server.listen(elsewhere, '127.0.0.1', resolve));
    stack.defer(() => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()));
    const { page, complaints } = await open(`http://127.0.0.1:${elsewhere}/`);
    const frame = page.frames()[1];
    if (!frame) throw new Error('There is no frame.');
    await expect.poll(() => media(frame, ({ currentTime }) => currentTime)).toBeGreaterThan(0.5);
    expect(await frame.locator('h1').isVisible()).toBe(false);
    const box = await frame.locator('.stage').boundingBox();
    expect([box?.width, box?.height]).toEqual([640, 360]);
    expect(complaints).toEqual([]);
    await page.close();
    const stranger = await open(`http://localhost:${elsewhere}/`);
    await expect.poll(() => stranger.complaints.join()).toContain('frame-ancestors');
    await stranger.page.close();
  });

  test.each([
    { encryption: Encryption.AES_128, engine: 'hls' },
    { encryption: Encryption.CBCS, engine: 'dash' },
  ])('plays what is encrypted: $engine', async ({ encryption, engine }) => {
    const told = edge.catalog.playbacks.get(film);
    const generation = told?.generation as Parameters<typeof publish>[1];
    const { playbackId } = publish(edge, generation);
    const published = edge.catalog.playbacks.get(playbackId);
    const named = { ...published?.playbackId, id: playbackId, encryption } as NonNullable<
      typeof published
    >['playbackId'];
    edge.catalog.playbacks.set(playbackId, { ...published, playbackId: named } as NonNullable<
      typeof published
    >);
    const { page, complaints } = await open(`/play/${playbackId}?autoplay&muted`);
    await expect
      .poll(() => media(page, ({ currentTime }) => currentTime), { timeout: 60_000 })
      .toBeGreaterThan(1);
    expect(await page.locator('#media').getAttribute('data-engine')).toBe(engine);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('offers the code that embeds it', async () => {
    const { page } = await open(`/play/${film}`);
    await page.getByText('Embed').click();
    const code = await page.locator('#share textarea').inputValue();
    expect(code).toContain(`<iframe src="${edge.url}/play/${film}?embed" title="A film"`);
    await page.close();
  });

  test('sound alone has its waveform', async () => {
    const { page, complaints } = await open(`/play/${podcast}`);
    const canvas = page.locator('#waveform');
    await canvas.waitFor();
    await expect.poll(() => media(page, ({ readyState }) => readyState)).toBeGreaterThan(1);
    const box = await canvas.boundingBox();
    await canvas.click({ position: { x: (box?.width ?? 0) / 2, y: 10 } });
    await expect
      .poll(() => media(page, ({ currentTime }) => Math.round(currentTime)))
      .toBe(durationSeconds / 2);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('has no barriers that axe finds', async () => {
    const absent = `/play/${newId('pbk')}`;
    for (const address of [`/play/${film}`, `/play/${podcast}`, `/play/${film}?embed`, absent]) {
      const { page } = await open(address);
      if (address !== absent) {
        await expect.poll(() => media(page, ({ readyState }) => readyState)).toBeGreaterThan(1);
        await page.locator('media-settings-menu-button').click();
        await page.getByRole('menuitem', { name: /^Speed/ }).waitFor();
      }
      await page.evaluate(axe);
      const found = await page.evaluate<{ impact: string; id: string; nodes: unknown[] }[]>(
        'axe.run().then(({ violations }) => violations)',
      );
      const grave = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      const told = grave.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes)}`);
      expect(told, address).toEqual([]);
      await page.close();
    }
  });
});
