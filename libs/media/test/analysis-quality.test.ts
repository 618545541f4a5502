import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { meanScore } from '../src/analysis/frame-scores.ts';
import { type EncodingProfile, type MediaPlan, measureQuality, sampleSegments } from '../src/index.ts';
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

const renditions = [
  { name: 'good', height: 90, codec: 'h264', crf: 20, maxBitrateBps: 2_000_000, remux: false },
  { name: 'poor', height: 90, codec: 'h264', crf: 42, maxBitrateBps: 2_000_000, remux: false },
  {
    name: 'half-rate',
    height: 90,
    codec: 'h264',
    crf: 20,
    maxBitrateBps: 2_000_000,
    frameRate: 15,
    remux: false,
  },
  { name: 'hevc', height: 64, codec: 'hevc', maxBitrateBps: 1_000_000 },
  { name: 'vp9', height: 64, codec: 'vp9', maxBitrateBps: 1_000_000 },
  { name: 'av1', height: 64, codec: 'av1', maxBitrateBps: 1_000_000 },
] as const;
const profile: EncodingProfile = {
  name: 'measured',
  renditions,
  audio: [],
  segmentSeconds: 1,
  preset: 'ultrafast',
};

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const path = join(folder.path, 'source.mp4');
const options = { ...settings, sourcePath: path, scratchDirectory: folder.path };
let media: MediaPlan;
let tracks: Map<string, EncodedTrack>;

beforeAll(async () => {
  await ffmpeg(...pictures('160x90', '30000/1001', 3.4), ...x264, '-bf', '2', '-g', '50', path);
  media = await plan(path, profile);
  tracks = await encode(media, path, unitsOf(media, 2));
}, 60_000);

function stored(rung: string, segments: readonly number[]) {
  const track = tracks.get(rung) as EncodedTrack;
  const readSegment = async (index: number) => track.segments[index] as Buffer;
  return { init: track.inits[0] as Buffer, segments, readSegment };
}

test('all segments measure what ffmpeg measures over the joined track', async () => {
  const segments = [0, 1, 2, 3];
  const measured = await measureQuality(media, 'good', stored('good', segments), {
    ...options,
    framesPerSegment: 1000,
  });
  const joined = join(folder.path, 'joined.mp4');
  const { init } = stored('good', segments);
  await writeFile(joined, Buffer.concat([init, ...(tracks.get('good') as EncodedTrack).segments]));
  const graph = (filter: string) =>
    `[0:v]settb=1/30,setpts=N[a];[1:v]scale=160:90:flags=bicubic:in_color_matrix=smpte170m:out_color_matrix=bt709:in_range=tv:out_range=tv,format=yuv420p,settb=1/30,setpts=N[b];[a][b]${filter}=stats_file=-`;
  const log = async (filter: string) =>
    ffmpeg(
      '-filter_complex_threads',
      '1',
      '-i',
      joined,
      '-i',
      path,
      '-filter_complex',
      graph(filter),
      '-f',
      'null',
      '/dev/null',
    );
  const errors = [...(await log('psnr')).matchAll(/mse_avg:([\d.]+)/g)].map(([, value]) => Number(value));
  const similar = [...(await log('ssim')).matchAll(/All:([\d.]+)/g)].map(([, value]) => Number(value));
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  expect(errors).toHaveLength(media.grid.video?.frameCount ?? 0);
  expect(measured.psnrDb).toBeCloseTo(10 * Math.log10(255 ** 2 / mean(errors)), 1);
  expect(measured.ssim).toBeCloseTo(mean(similar), 3);
  expect(measured.segmentCount).toBe(4);
});

test('a poorer rung is told from a good one, also by a few frames of some segments', async () => {
  const quick = { ...options, framesPerSegment: 5 };
  const good = await measureQuality(media, 'good', stored('good', [0, 3]), quick);
  const poor = await measureQuality(media, 'poor', stored('poor', [0, 3]), quick);
  expect(good.psnrDb).toBeGreaterThan(poor.psnrDb + 5);
  expect(good.ssim).toBeGreaterThan(poor.ssim + 0.02);
  expect(good.ssim).toBeLessThanOrEqual(1);
});

describe.each(['half-rate', 'hevc', 'vp9', 'av1'])('%s', (rung) => {
  test('is paired frame by frame', async () => {
    // A frame beside the right one has less than 25 dB in these pictures.
    const { psnrDb } = await measureQuality(media, rung, stored(rung, [1, 3]), options);
    expect(psnrDb).toBeGreaterThan(30);
  });
});

test('a segment of another place is refused', async () => {
  const { init, readSegment } = stored('good', []);
  const moved = { init, segments: [1], readSegment: () => readSegment(2) };
  await expect(measureQuality(media, 'good', moved, options)).rejects.toMatchObject({
    reason: 'ENCODER_OUTPUT_UNEXPECTED',
  });
  const short = { init, segments: [1], readSegment: () => readSegment(3) };
  await expect(measureQuality(media, 'good', short, options)).rejects.toMatchObject({
    reason: 'ENCODER_OUTPUT_UNEXPECTED',
  });
});

test('bytes that are no segment, and no segment at all', async () => {
  const broken = { ...stored('good', [0]), readSegment: async () => Buffer.alloc(1000) };
  await expect(measureQuality(media, 'good', broken, options)).rejects.toMatchObject({
    reason: expect.stringMatching(/^(FFMPEG_FAILED|ENCODER_OUTPUT_UNEXPECTED)$/),
  });
  await expect(measureQuality(media, 'good', stored('good', []), options)).rejects.toMatchObject({
    reason: 'UNIT_INVALID',
  });
  await expect(measureQuality(media, 'none', stored('good', [0]), options)).rejects.toMatchObject({
    reason: 'UNIT_INVALID',
  });
  expect((await readdir(folder.path)).filter((name) => name.startsWith('quality-'))).toEqual([]);
});

test('segments are spread over the whole track', () => {
  expect(sampleSegments({ segmentCount: 1800 })).toEqual([180, 540, 900, 1260, 1620]);
  expect(sampleSegments({ segmentCount: 2 })).toEqual([0, 1]);
  expect(sampleSegments({ segmentCount: 1 }, 3)).toEqual([0]);
});

test('the mean is one of errors, and equal pictures have a finite ratio', () => {
  const frame = (error: number) => ({ pts: 0, error, ssim: 1 });
  expect(meanScore([frame(0), frame(0.002)])).toEqual({ psnrDb: 30, ssim: 1 });
  expect(meanScore([frame(0)])).toEqual({ psnrDb: 100, ssim: 1 });
});
