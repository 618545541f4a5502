import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EncodingProfile, MediaPlan } from '../src/index.ts';
import { type EncodedTrack, encode, ffmpeg, pictures, plan, temporaryFolder, unitsOf } from './samples.ts';

const executablePath = process.env.KERKIS_CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) console.warn(`SKIPPED: tracks in a browser; there is no ${executablePath}.`);

const rung = { height: 96, maxBitrateBps: 400_000 } as const;
const profile: EncodingProfile = {
  name: 'browser',
  renditions: [
    { ...rung, codec: 'h264' },
    { ...rung, codec: 'vp9' },
    { ...rung, codec: 'av1' },
    { ...rung, codec: 'av1', dynamicRange: 'source' },
  ],
  audio: [
    { codec: 'aac', bitrateBps: 96_000, channels: 2 },
    { codec: 'aac', bitrateBps: 256_000, channels: 6 },
    { codec: 'opus', bitrateBps: 96_000, channels: 2 },
    { codec: 'opus', bitrateBps: 256_000, channels: 6 },
  ],
  segmentSeconds: 1,
  preset: 'superfast',
};

/** What these tests use of a media element, which has no types here. */
interface MediaElement {
  readonly duration: number;
  readonly webkitAudioDecodedByteCount: number;
  src: string;
  playbackRate: number;
  getVideoPlaybackQuality(): { readonly totalVideoFrames: number };
  play(): Promise<void>;
  addEventListener(event: string, listener: (event: unknown) => void): void;
}

interface Stream {
  readonly type: string;
  readonly data: string;
}

describe.skipIf(!hasBrowser)('Chromium plays', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let browser: Browser;
  let media: MediaPlan;
  let tracks: Map<string, EncodedTrack>;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const path = join(folder.path, 'source.mp4');
    const sound = [300, 400, 500, 60, 700, 800].map((tone) => `0.3*sin(2*PI*${tone}*t)`).join('|');
    const colours = ['-color_primaries', 'bt2020', '-color_trc', 'smpte2084', '-colorspace', 'bt2020nc'];
    await ffmpeg(
      ...[...pictures('128x96', '25', 2), '-f', 'lavfi', '-i', `aevalsrc=${sound}:c=5.1:s=48000:d=2`],
      ...['-vf', 'format=yuv420p10le', '-c:v', 'libx265', '-preset', 'ultrafast'],
      ...['-x265-params', 'log-level=none', ...colours, '-c:a', 'aac', '-b:a', '384k', path],
    );
    media = await plan(path, profile);
    tracks = await encode(media, path, unitsOf(media, 1));
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  test.each([
    ['h264-96p', 'aac-und-96k'],
    ['h264-96p', 'aac-und-256k'],
    ['vp9-96p', 'opus-und-96k'],
    ['av1-96p', 'opus-und-256k'],
    ['av1-96p-hdr', 'aac-und-96k'],
  ])('%s with %s to the end', async (video, audio) => {
    const rungs = [...media.ladder.video, ...media.ladder.audio];
    const streams = [video, audio].map((name) => {
      const track = tracks.get(name);
      const { codecs = '' } = rungs.find((each) => each.name === name) ?? {};
      const bytes = Buffer.concat([track?.inits[0] as Buffer, ...(track?.segments ?? [])]);
      return {
        type: `${name === video ? 'video' : 'audio'}/mp4; codecs="${codecs}"`,
        data: bytes.toString('base64'),
      };
    });
    const page = await browser.newPage();
    await page.setContent('<video muted></video>');
    const played = await page.locator('video').evaluate(playThrough, streams);
    await page.close();
    expect(played.soundBytes).toBeGreaterThan(0);
    expect(played.seconds).toBeGreaterThanOrEqual(2);
    expect(played.seconds).toBeLessThan(2.05);
    expect(played.frames).toBeGreaterThan(40);
  });
});

/** Runs in the page: gives the streams to the element and plays them to the end. */
async function playThrough(element: MediaElement, streams: readonly Stream[]) {
  // biome-ignore lint/suspicious/noExplicitAny: the page has no types of the browser
  const { MediaSource, URL, atob } = globalThis as any;
  const source = new MediaSource();
  element.src = URL.createObjectURL(source);
  await new Promise((resolve) => source.addEventListener('sourceopen', resolve, { once: true }));
  await Promise.all(
    streams.map(({ type, data }) => {
      const buffer = source.addSourceBuffer(type);
      const done = new Promise((resolve, reject) => {
        buffer.addEventListener('updateend', resolve, { once: true });
        buffer.addEventListener('error', () => reject(new Error(`${type} was refused`)), { once: true });
      });
      buffer.appendBuffer(Uint8Array.from(atob(data), (letter: string) => letter.charCodeAt(0)));
      return done;
    }),
  );
  source.endOfStream();
  const ended = new Promise((resolve, reject) => {
    element.addEventListener('ended', resolve);
    element.addEventListener('error', () => reject(new Error('it cannot be played')));
  });
  element.playbackRate = 2;
  await element.play();
  await ended;
  return {
    frames: element.getVideoPlaybackQuality().totalVideoFrames,
    seconds: element.duration,
    soundBytes: element.webkitAudioDecodedByteCount,
  };
}
