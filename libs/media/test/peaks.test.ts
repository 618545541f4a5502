import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EncodingProfile, type VideoCodec, videoSegmentRuns } from '../src/index.ts';
import { encode, ffmpeg, plan, temporaryFolder, unitsOf } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const path = join(folder.path, 'noise.mkv');

/** Nothing is harder to encode. */
beforeAll(async () => {
  const noise = 'nullsrc=s=160x96:r=25:d=3,geq=random(1)*255:128:128,format=yuv420p';
  await ffmpeg('-f', 'lavfi', '-i', noise, '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '10', path);
});

const profileOf = (rendition: EncodingProfile['renditions'][number]): EncodingProfile => ({
  name: 'noise',
  renditions: [rendition],
  audio: [],
  segmentSeconds: 1,
  preset: 'superfast',
});

/** Bits per second of each segment. */
async function rates(profile: EncodingProfile, unitSize: number) {
  const media = await plan(path, profile);
  const [track] = (await encode(media, path, unitsOf(media, unitSize))).values();
  const [rung] = media.ladder.video;
  const { timescale = 1 } = media.grid.video ?? {};
  const durations = videoSegmentRuns(media.grid).flatMap((run) =>
    Array<number>(run.count).fill(run.duration),
  );
  const bps = (track?.segments ?? []).map(
    (bytes, at) => (bytes.length * 8 * timescale) / (durations[at] ?? 1),
  );
  return { rung, bps };
}

test.each<[VideoCodec, number]>([
  ['h264', 1],
  ['h264', 3],
  ['hevc', 1],
  ['vp9', 1],
  ['vp9', 3],
  ['av1', 1],
])('no segment of noise in %s exceeds what is announced, in units of %d', async (codec, unitSize) => {
  const { rung, bps } = await rates(profileOf({ height: 96, codec, maxBitrateBps: 240_000 }), unitSize);
  expect(bps).toHaveLength(3);
  expect(Math.max(...bps)).toBeLessThanOrEqual(rung?.peakBitrateBps ?? 0);
  // It is as hard as it should be.
  expect(Math.max(...bps)).toBeGreaterThan(240_000);
});

test('a mean without a quality is kept over a few segments', async () => {
  const wanted = { height: 96, codec: 'h264', videoBitrateBps: 240_000, maxBitrateBps: 360_000 } as const;
  const { rung, bps } = await rates(profileOf(wanted), 3);
  expect(rung).toMatchObject({ maxBitrateBps: 240_000, crf: 19 });
  const mean = bps.reduce((sum, each) => sum + each, 0) / bps.length;
  expect(mean).toBeLessThan(240_000 + (rung?.bufferBits ?? 0) / bps.length + 15_000);
  expect(mean).toBeGreaterThan(200_000);
});
