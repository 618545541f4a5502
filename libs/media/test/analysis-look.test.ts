import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { lookPlaces } from '../src/analysis/look-places.ts';
import {
  type ContentLook,
  defaultProfile,
  type EncodingProfile,
  fitLadder,
  lookAtContent,
  type MediaPlan,
  measureQuality,
  planMedia,
  type Rendition,
} from '../src/index.ts';
import { exampleSource } from './example-source.ts';
import {
  type EncodedTrack,
  encode,
  ffmpeg,
  pictures,
  plan,
  settings,
  temporaryFolder,
  unitsOf,
  x264,
} from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

const profile: EncodingProfile = {
  name: 'looked at',
  renditions: [360, 240, 120].map((height) => ({
    height,
    codec: 'h264',
    maxBitrateBps: height * 4000,
    remux: false,
  })),
  audio: [],
  segmentSeconds: 1,
  preset: 'veryfast',
};

async function made(name: string, ...args: string[]): Promise<{ media: MediaPlan; look: ContentLook }> {
  const path = join(folder.path, name);
  await ffmpeg(...args, path);
  const media = await plan(path, profile);
  return {
    media,
    look: await lookAtContent(media, { ...settings, sourcePath: path, scratchDirectory: folder.path }),
  };
}

test('a sharp picture loses detail in smaller sizes and keeps its rungs', async () => {
  const { media, look } = await made(
    'sharp.mp4',
    ...pictures('640x360', '25', 4),
    ...x264,
    '-crf',
    '10',
    '-g',
    '25',
  );
  expect(look.places).toHaveLength(4);
  expect(look.sizes.map(({ height }) => height)).toEqual([360, 240, 120]);
  const [top, middle, low] = look.sizes;
  expect(top?.lostDetail).toEqual([0, 0, 0, 0]);
  expect(Math.min(...(middle?.lostDetail ?? []))).toBeGreaterThan(40);
  for (const { points } of look.sizes) {
    const [good, poor] = points;
    expect(poor?.crf).toBe((good?.crf ?? 0) + 6);
    for (const [place, sample] of (good?.samples ?? []).entries()) {
      expect(sample.firstBits).toBeGreaterThan(poor?.samples[place]?.firstBits ?? 0);
      expect(sample.own.psnrDb).toBeGreaterThan(poor?.samples[place]?.own.psnrDb ?? 0);
      expect(sample.shown.psnrDb).toBeLessThanOrEqual(sample.own.psnrDb);
    }
  }
  const shown = (size = top) => size?.points[0]?.samples.map((sample) => sample.shown.ssim) ?? [];
  shown().forEach((ssim, place) => {
    expect(ssim).toBeGreaterThan((shown(middle)[place] ?? 1) + 0.01);
    expect(shown(middle)[place]).toBeGreaterThan((shown(low)[place] ?? 1) + 0.01);
  });
  expect(fitLadder(media.ladder, look).ladder.video).toHaveLength(3);
});

test('a small picture that was scaled up gives its needless rungs up', async () => {
  const { media, look } = await made(
    'soft.mp4',
    ...pictures('160x90', '25', 4),
    ...['-vf', 'gblur=1,scale=640:360:flags=bicubic'],
    ...[...x264, '-crf', '8', '-g', '25'],
  );
  expect(Math.max(...(look.sizes[1]?.lostDetail ?? []))).toBeLessThanOrEqual(16);
  const { ladder, reasons } = fitLadder(media.ladder, look);
  expect(ladder.video[0]?.name).not.toBe('h264-360p');
  expect(ladder.video.at(-1)).toEqual(media.ladder.video.at(-1));
  expect(reasons[0]).toMatchObject({ rung: 'h264-360p', change: 'dropped' });
});

test('a still picture takes next to nothing after its first frame', async () => {
  const still = ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25:d=0.04,loop=loop=-1:size=1', '-t', '3'];
  const { media, look } = await made('still.mp4', ...still, ...x264);
  const [{ points } = { points: [] }] = look.sizes;
  for (const { firstBits, restBits } of points[0]?.samples ?? []) {
    expect(restBits).toBeLessThan(firstBits / 20);
  }
  const [top] = fitLadder(media.ladder, look).ladder.video;
  expect(top?.maxBitrateBps).toBeLessThan(media.ladder.video[0]?.maxBitrateBps ?? 0);
});

test('one frame, a divided rate, other codecs, interlaced and long groups of pictures', async () => {
  const one = await made('one.mp4', ...pictures('160x120', '25', 0.04), ...x264);
  expect(one.look).toMatchObject({ places: [0], frameCount: 1 });
  const path = join(folder.path, 'fast.ts');
  const interlaced = [
    '-vf',
    'interlace',
    '-c:v',
    'mpeg2video',
    '-flags',
    '+ildct+ilme',
    '-g',
    '60',
    '-bf',
    '2',
  ];
  await ffmpeg(...pictures('320x240', '50', 3), ...interlaced, path);
  const renditions = (['h264', 'av1'] as const).flatMap((codec) => [
    { height: 240, codec, maxBitrateBps: 900_000, remux: false },
    { height: 120, codec, maxBitrateBps: 300_000, frameRate: 13, remux: false },
  ]);
  const media = await plan(path, {
    ...profile,
    renditions: renditions.map((each) => ({ ...each })),
    segmentSeconds: 1.04,
  });
  const look = await lookAtContent(media, { ...settings, sourcePath: path, scratchDirectory: folder.path });
  expect(look.sizes.map((size) => [size.height, size.frameRateDivisor])).toEqual([
    [240, 1],
    [120, 2],
  ]);
  // The lower rung has half of the frames: it never stands in.
  expect(fitLadder(media.ladder, look).ladder.video).toHaveLength(4);
});

test('HDR that is kept is measured as it is, and looked at beside what is tone-mapped', async () => {
  const path = join(folder.path, 'hlg.mp4');
  const colours = ['-color_primaries', 'bt2020', '-color_trc', 'arib-std-b67', '-colorspace', 'bt2020nc'];
  await ffmpeg(
    ...[
      ...pictures('160x120', '25', 2),
      '-vf',
      'format=yuv420p10le',
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
    ],
    ...['-x265-params', 'log-level=none', ...colours, '-color_range', 'tv', '-tag:v', 'hvc1', path],
  );
  const renditions = [120, 64].flatMap((height): Rendition[] => [
    { name: `hdr-${height}`, height, codec: 'hevc', maxBitrateBps: 900_000, dynamicRange: 'source' },
    { name: `sdr-${height}`, height, codec: 'h264', maxBitrateBps: 900_000 },
  ]);
  const options = { ...settings, sourcePath: path, scratchDirectory: folder.path };
  const mixed = await plan(path, { ...profile, renditions });
  const look = await lookAtContent(mixed, options);
  expect(look.sizes.map(({ height }) => height)).toEqual([120, 64]);
  expect(fitLadder(mixed.ladder, look).ladder.video).toHaveLength(4);
  const kept = await plan(path, { ...profile, renditions: renditions.slice(0, 1) });
  expect((await lookAtContent(kept, options)).sizes).toHaveLength(1);
  const tracks = await encode(mixed, path, unitsOf(mixed, 2));
  for (const rung of ['hdr-120', 'sdr-64']) {
    const { inits, segments } = tracks.get(rung) as EncodedTrack;
    const readSegment = async (index: number) => segments[index] as Buffer;
    const track = { init: inits[0] as Buffer, segments: [0, 1], readSegment };
    const { psnrDb, ssim } = await measureQuality(mixed, rung, track, options);
    expect(psnrDb).toBeGreaterThan(25);
    expect(ssim).toBeGreaterThan(0.9);
  }
});

test('threads give the same look twice, and what cannot be looked at is told', async () => {
  const path = join(folder.path, 'twice.mp4');
  await ffmpeg(...pictures('160x120', '25', 2), ...x264, path);
  const media = await plan(path, profile);
  const options = { ...settings, sourcePath: path, scratchDirectory: folder.path };
  expect(await lookAtContent(media, options)).toEqual(await lookAtContent(media, options));
  const empty = { ...media, ladder: { ...media.ladder, video: [] } };
  await expect(lookAtContent(empty, options)).rejects.toMatchObject({ reason: 'UNIT_INVALID' });
  const gone = { ...options, sourcePath: join(folder.path, 'gone.mp4') };
  await expect(lookAtContent(media, gone)).rejects.toMatchObject({ reason: 'FFMPEG_FAILED' });
});

describe('places', () => {
  const placesOf = (seconds: number, video: Parameters<typeof exampleSource>[1], divisors = [1]) => {
    const media = planMedia(exampleSource(seconds, video), { ...defaultProfile, maxFrameRate: 120 });
    if (media.grid.video === undefined) throw new Error('no video');
    return lookPlaces(media, media.grid.video, divisors);
  };

  test('are spread over a film', () => {
    const { places, step } = placesOf(7200, {});
    expect(places.map(({ first }) => Math.round(first / 25 / 60))).toEqual([20, 60, 100]);
    expect((places[0]?.end ?? 0) - (places[0]?.first ?? 0)).toBe(step * 4);
  });

  test('are fewer in large pictures', () => {
    expect(placesOf(60, { width: 1280, height: 720 }).places).toHaveLength(4);
    expect(placesOf(60, { width: 3840, height: 2160 }).places).toHaveLength(2);
  });

  test('are fewer where keyframes are far apart, and near the beginning where there is only one', () => {
    expect(placesOf(7200, { maxKeyframeIntervalSeconds: 20 }).places).toHaveLength(2);
    const { places } = placesOf(7200, { maxKeyframeIntervalSeconds: 7200 });
    expect(places).toHaveLength(1);
    expect(places[0]?.end).toBeLessThan(1000);
  });

  test('fit into short sources, and take few frames of fast and of slow ones', () => {
    for (const rate of [1, 8, 25, 120]) {
      for (const seconds of [0.04, 0.5, 1, 3, 60]) {
        for (const divisors of [[1], [1, 2], [1, 2, 3]]) {
          const { places, step } = placesOf(seconds, { frameRate: { num: rate, den: 1 } }, divisors);
          const length = (places[0]?.end ?? 0) - (places[0]?.first ?? 0);
          expect(length).toBeLessThanOrEqual(36);
          expect(length % step).toBe(0);
          for (const divisor of divisors) expect(step % divisor).toBe(0);
          for (const [index, { first, end }] of places.entries()) {
            expect(end - first).toBe(length);
            expect(first).toBeGreaterThanOrEqual(places[index - 1]?.end ?? 0);
          }
        }
      }
    }
  });
});
