import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { choose, menuEntries } from './page-driver.ts';
import {
  durationSeconds,
  frameRate,
  generatePresentation,
  generateText,
  generateUnaligned,
  servePresentations,
} from './playback-fixture.ts';

/** What these tests use of a media element. */
interface MediaElement {
  readonly currentTime: number;
  readonly videoWidth: number;
  readonly textTracks: Iterable<{
    readonly mode: string;
    readonly cues: Iterable<{ readonly text: string }> | null;
  }>;
  playbackRate: number;
  loop: boolean;
  play(): Promise<void>;
  addEventListener(event: string, listener: (event: unknown) => void): void;
}

const run = promisify(execFile);
const executablePath = process.env.KERKIS_CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) console.warn(`SKIPPED: the player page in a browser; there is no ${executablePath}.`);

let directory: string;
let server: Awaited<ReturnType<typeof servePresentations>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kerkis-player-'));
  const film = await generatePresentation(directory);
  const texts = [await generateText(directory, 'en', false), await generateText(directory, 'fr', true)];
  const unaligned = await generateUnaligned(directory);
  const subtitled = { ...film, tracks: [...film.tracks, ...texts] };
  const only = (kind: string) => ({ ...film, tracks: film.tracks.filter((track) => track.kind === kind) });
  const title = '<b>Κερκίς</b> & "friends"';
  server = await servePresentations(
    directory,
    { film, unaligned, subtitled, podcast: only('audio'), silent: only('video') },
    { title },
  );
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** Frames that ffmpeg decodes of one kind of stream, or undefined where there is none. */
async function decodedFrames(manifestUrl: string, selector: 'v' | 'a'): Promise<number[]> {
  const wanted = ['-count_frames', '-select_streams', selector, '-show_entries', 'stream=nb_read_frames'];
  const { stdout, stderr } = await run('ffprobe', ['-v', 'error', ...wanted, '-of', 'csv=p=0', manifestUrl]);
  expect(stderr).toBe('');
  return [...new Set(stdout.split('\n').map((line) => line.trim()))]
    .filter((line) => line !== '')
    .map(Number);
}

describe('ffmpeg reads every frame through', () => {
  test.each(['master.m3u8', 'manifest.mpd'])('%s', async (name) => {
    expect(await decodedFrames(`${server.url}/v/film/${name}`, 'v')).toEqual([durationSeconds * frameRate]);
    // 6 s of 44.1 kHz in frames of 1,024 and one of priming.
    expect(await decodedFrames(`${server.url}/v/film/${name}`, 'a')).toEqual([
      Math.ceil((durationSeconds * 44_100) / 1024) + 1,
    ]);
    expect(await decodedFrames(`${server.url}/v/silent/${name}`, 'a')).toEqual([]);
    expect(await decodedFrames(`${server.url}/v/podcast/${name}`, 'v')).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)('the page in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
    browser = await chromium.launch({ executablePath, args });
  });

  afterAll(() => browser?.close());

  async function open(path: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1100, height: 760 } });
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${server.url}${path}`);
    return { page, complaints };
  }

  async function playToEnd(page: Page) {
    return page.locator('#media').evaluate(async (media: MediaElement) => {
      const ended = new Promise((resolve, reject) => {
        media.addEventListener('ended', resolve);
        media.addEventListener('error', reject);
      });
      media.playbackRate = 4;
      await media.play();
      await ended;
      const { currentTime, videoWidth } = media;
      return { currentTime, videoWidth };
    });
  }

  test.each(['', '?player=dash'])('a film plays to its end, with its menus %s', async (query) => {
    const { page, complaints } = await open(`/play/film${query}`);
    const end = await playToEnd(page);
    expect(end.currentTime).toBeGreaterThan(durationSeconds - 0.1);
    expect([160, 320]).toContain(end.videoWidth);
    const quality = await menuEntries(page, 'Quality');
    expect(quality.map((text) => text.replace(/ \(.*/, ''))).toEqual(['180p', '90p', 'Auto']);
    expect(await menuEntries(page, 'Sound')).toEqual(['English', 'French']);
    expect(await menuEntries(page, 'Subtitles')).toEqual([]);
    expect(await page.locator('h1').textContent()).toBe('<b>Κερκίς</b> & "friends"');
    expect(await page.locator('#failure').isVisible()).toBe(false);
    // Nothing that the policy would refuse is on the page or done by the players.
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each(['', '?player=dash'])(
    'qualities that are cut at other places can be switched between %s',
    async (query) => {
      const { page, complaints } = await open(`/play/unaligned${query}`);
      const media = page.locator('#media');
      await expect.poll(() => menuEntries(page, 'Quality'), { timeout: 20_000 }).toHaveLength(3);
      for (const { label, width } of [
        { label: '270p', width: 480 },
        { label: '144p', width: 256 },
      ]) {
        await media.evaluate((element: MediaElement) => {
          element.loop = true;
          return element.play();
        });
        await choose(page, 'Quality', label);
        const shownWidth = () => media.evaluate((element: MediaElement) => element.videoWidth);
        await expect.poll(shownWidth, { timeout: 30_000 }).toBe(width);
      }
      await media.evaluate((element: MediaElement) => {
        element.loop = false;
      });
      expect((await playToEnd(page)).currentTime).toBeGreaterThan(durationSeconds - 0.1);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  test.each(['', '?player=dash'])('text is shown as it says, or chosen by hand %s', async (query) => {
    const { page, complaints } = await open(`/play/subtitled${query}`);
    const media = page.locator('#media');
    await media.evaluate((element: MediaElement) => {
      element.loop = true;
      return element.play();
    });
    const shown = () =>
      media.evaluate((element: MediaElement) =>
        [...element.textTracks]
          .filter(({ mode }) => mode === 'showing')
          .flatMap(({ cues }) => [...(cues ?? [])].map(({ text }) => text)),
      );
    await expect.poll(shown, { timeout: 20_000 }).toEqual(['one fr', 'two fr']);
    expect((await menuEntries(page, 'Subtitles')).toSorted()).toEqual(['English', 'French', 'Off']);
    await choose(page, 'Subtitles', 'English');
    await expect.poll(shown, { timeout: 20_000 }).toEqual(['one en', 'two en']);
    await choose(page, 'Subtitles', 'Off');
    await expect.poll(shown, { timeout: 20_000 }).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each(['', '?player=dash'])('a quality chosen by hand is what is shown %s', async (query) => {
    const { page } = await open(`/play/film${query}`);
    const media = page.locator('#media');
    await expect.poll(() => menuEntries(page, 'Quality'), { timeout: 20_000 }).toHaveLength(3);
    await media.evaluate((element: MediaElement) => {
      element.loop = true;
      return element.play();
    });
    for (const { label, width } of [
      { label: '90p', width: 160 },
      { label: '180p', width: 320 },
    ]) {
      await choose(page, 'Quality', label);
      const shownWidth = () => media.evaluate((element: MediaElement) => element.videoWidth);
      await expect.poll(shownWidth, { timeout: 30_000 }).toBe(width);
    }
    await page.close();
  });

  test.each(['', '?player=dash'])('sound alone plays to its end %s', async (query) => {
    const { page, complaints } = await open(`/play/podcast${query}`);
    expect(await playToEnd(page)).toMatchObject({ videoWidth: 0 });
    expect(await page.locator('.stage.audio').count()).toBe(1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('pictures alone play to their end', async () => {
    const { page, complaints } = await open('/play/silent');
    expect((await playToEnd(page)).currentTime).toBeGreaterThan(durationSeconds - 0.1);
    expect(await menuEntries(page, 'Sound')).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each(['', '?player=dash'])('the words of the server are shown when it refuses %s', async (query) => {
    const { page } = await open(`/play/missing${query}`);
    await page.locator('#failure').waitFor();
    expect(await page.locator('#failure-text').textContent()).toBe(
      'No playback ID of that name is published.',
    );
    await page.close();
  });
});
