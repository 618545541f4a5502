// Everything that is made here, in the players that people have: three in a browser, three as programs.
import { existsSync } from 'node:fs';
import { findTool } from '@kerkis/tools';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decode } from './harness/decode.ts';
import { expectWhole } from './harness/expect-whole.ts';
import { playToEnd } from './harness/play-in-browser.ts';
import { playInGStreamer, playInMpv } from './harness/play-in-program.ts';
import {
  type EncodingFilm,
  type Playable,
  type PlayerFilms,
  seconds,
  startPlayerFilms,
} from './harness/player-films.ts';
import { type PlayerPages, startPlayerPages } from './harness/player-pages.ts';
import { readManifests } from './harness/read-manifests.ts';
import { scrubInDash, scrubInHls, scrubInShaka } from './harness/scrub-in-browser.ts';
import { tellOnFailure } from './harness/tell-on-failure.ts';

const executablePath = process.env.KERKIS_CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) console.warn(`SKIPPED: players in a browser; there is no ${executablePath}.`);
const has = (program: 'mpv' | 'gst-play-1.0') => findTool(program, process.env) !== undefined;
for (const program of ['mpv', 'gst-play-1.0'] as const)
  if (!has(program)) console.warn(`SKIPPED: ${program}, which is not installed.`);

const resources = new AsyncDisposableStack();
let films: PlayerFilms;
let pages: PlayerPages;
let browser: Browser;

beforeAll(async () => {
  films = resources.use(await startPlayerFilms());
  pages = resources.use(await startPlayerPages());
  if (!hasBrowser) return;
  const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
  browser = resources.adopt(await chromium.launch({ executablePath, args }), (open) => open.close());
});

afterAll(() => resources.disposeAsync());

tellOnFailure(() => films?.mesh);

const ready = {
  'H.264 and AAC': () => films.film,
  'four video codecs, two of sound, 5.1, subtitles': () => films.rich,
  'sound alone': () => films.podcast,
  signed: () => films.signed,
} satisfies Record<string, () => Playable>;

const inBrowser = [
  { player: 'hls.js', pageOf: ({ hls }: Playable) => pages.play('hls', hls) },
  { player: 'dash.js', pageOf: ({ mpd }: Playable) => pages.play('dash', mpd) },
  { player: 'shaka-player, DASH', pageOf: ({ mpd }: Playable) => pages.play('shaka', mpd) },
  { player: 'shaka-player, HLS', pageOf: ({ hls }: Playable) => pages.play('shaka', hls) },
];

async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

describe.skipIf(!hasBrowser)('in Chromium', () => {
  // Players mostly wait for the time to pass: each thing is played by all of them at once.
  describe.each(Object.entries(ready))('%s', (name, of) => {
    test.concurrent.for(inBrowser)('$player, to the end, and after a seek back', async ({ pageOf }) => {
      const { page, complaints } = await open(pageOf(of()));
      const end = await playToEnd(page, 0);
      expect(end).toMatchObject({ error: null });
      expect(end.duration).toBeCloseTo(seconds, 0);
      expect(end.currentTime).toBeCloseTo(end.duration, 1);
      expect(end.videoWidth === 0).toBe(name === 'sound alone');
      const again = await playToEnd(page, 3.4);
      expect(again).toMatchObject({ error: null });
      expect(again.playedFrom).toBeCloseTo(3.4, 1);
      expect(again.currentTime).toBeCloseTo(again.duration, 1);
      expect(complaints).toEqual([]);
      await page.close();
    });
  });

  test.concurrent.for(inBrowser)('$player, a seek before anything was played', async ({ pageOf }) => {
    const { page, complaints } = await open(pageOf(films.film));
    const end = await playToEnd(page, 4.2);
    expect(end).toMatchObject({ error: null });
    expect(end.playedFrom).toBeCloseTo(4.2, 1);
    expect(end.currentTime).toBeCloseTo(end.duration, 1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  // Apart from the others, for which there would be little left.
  describe('scrubbing', () => {
    test.concurrent.for([
      { player: 'hls.js', url: () => pages.play('hls', films.film.hls), scrub: scrubInHls },
      { player: 'dash.js', url: () => pages.play('dash', films.film.mpd), scrub: scrubInDash },
      { player: 'shaka-player', url: () => pages.play('shaka', films.film.mpd), scrub: scrubInShaka },
    ])('$player shows a picture of a place without playing it', async ({ url, scrub }) => {
      const { page, complaints } = await open(url());
      const picture = await scrub(page, 4.5);
      // Single pictures of the rung with 240 lines, or tiles of a sprite.
      expect([picture.width, picture.height]).toEqual(picture.url === '' ? [426, 240] : [160, 90]);
      if (picture.url !== '') {
        const answer = await fetch(picture.url);
        expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
      }
      expect(complaints).toEqual([]);
      await page.close();
    });
  });
});

test('playlists and manifests are read by the parsers of hls.js and video.js', async () => {
  const read = ({ hls, mpd }: Playable) => readManifests(hls, mpd);
  const film = await read(films.film);
  expect(film.codecs).toHaveLength(3);
  expect(film.iframePlaylists).toBe(1);
  const rich = await read(films.rich);
  const families = (told: readonly string[]) =>
    [...new Set(told.flatMap((each) => each.split(',')).map((each) => each.split('.')[0]))].toSorted();
  expect(families(rich.codecs)).toEqual(['av01', 'avc1', 'hvc1', 'mp4a', 'opus', 'vp09']);
  expect(families(rich.dashCodecs)).toEqual(families(rich.codecs));
  expect((await read(films.podcast)).codecs).toEqual(['mp4a.40.2']);
  expect(await read(films.signed)).toEqual(film);
  for (const length of [...film.seconds, ...rich.seconds]) expect(length).toBeCloseTo(seconds, 0);
});

describe('programs', () => {
  const manifests = Object.entries(ready).flatMap(([name, of]) => [
    { name, kind: 'HLS', of, url: () => of().hls },
    { name, kind: 'DASH', of, url: () => of().mpd },
  ]);

  test.for(manifests)('ffmpeg decodes $name, $kind, without a complaint', async ({ of, url }) => {
    const streams = await decode(url());
    // A picture that goes with several groups of sound is a stream of its own with each.
    const different = new Map(streams.map((stream) => [stream.frames.join(), stream]));
    expectWhole(await films.mesh.clients.generation(of().assetId), [...different.values()]);
  });

  test.skipIf(!has('gst-play-1.0')).for(manifests)(
    'GStreamer plays $name, $kind, to the end and after a seek',
    async ({ of, url }) => {
      for (const from of [0, 3.4]) {
        const { endSeconds } = await playInGStreamer(url(), from);
        expect(endSeconds).toBeCloseTo(of().seconds, 0);
      }
    },
  );

  // ffmpeg 5, with which Debian's mpv reads, loses its place in any HLS of MP4 segments after a seek or a change of tracks.
  test.skipIf(!has('mpv')).for(manifests.filter(({ kind }) => kind === 'DASH'))(
    'mpv plays $name, $kind, to the end and after a seek',
    async ({ of, url }) => {
      for (const from of [0, 3.4]) {
        const { startSeconds, endSeconds } = await playInMpv(url(), from);
        expect(startSeconds).toBeGreaterThanOrEqual(from);
        expect(endSeconds).toBeGreaterThan(of().seconds - 2);
      }
    },
  );
});

// Last, since it leaves little of the processors to others.
describe('what is still being encoded', () => {
  let film: EncodingFilm;

  beforeAll(async () => {
    film = await films.startEncoding();
  });

  afterEach(async () => {
    expect(await film.isStillEncoded()).toBe(true);
  });

  test.skipIf(!hasBrowser).for(inBrowser)('$player, from far behind what is there', async ({ pageOf }) => {
    const { page, complaints } = await open(pageOf(film));
    const end = await playToEnd(page, film.seconds - 4);
    expect(end).toMatchObject({ error: null, videoWidth: 256 });
    expect(end.duration).toBeCloseTo(film.seconds, 0);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('ffmpeg decodes every frame', async () => {
    const video = (await decode(film.hls)).find(({ kind }) => kind === 'video');
    expect(video?.frameCount).toBe(film.seconds * 30);
  });

  test.skipIf(!has('gst-play-1.0'))('GStreamer, from far behind', async () => {
    expect((await playInGStreamer(film.hls, film.seconds - 8)).endSeconds).toBeCloseTo(film.seconds, 0);
  });

  test.skipIf(!has('mpv'))('mpv, from far behind', async () => {
    expect((await playInMpv(film.mpd, film.seconds - 8)).endSeconds).toBeGreaterThan(film.seconds - 2);
  });
});
