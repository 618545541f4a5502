import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  audioSegmentRuns,
  firstAudioFrame,
  firstVideoFrame,
  type Grid,
  planGrid,
  type SegmentRun,
  toNumber,
  videoSegmentRuns,
} from '../src/index.ts';
import { frameRateDivisor } from '../src/plan/grid.ts';
import { exampleSound, exampleSource, silentSource } from './example-source.ts';

const rates = [
  [24_000, 1001],
  [24, 1],
  [25, 1],
  [25, 2],
  [30_000, 1001],
  [179, 6],
  [60_000, 1001],
  [60, 1],
  [1, 1],
].map(([num = 1, den = 1]) => ({ num, den }));
const anyRate = fc.constantFrom(...rates);
const anyDuration = fc.double({ min: 0.001, max: 40_000, noNaN: true });
const anySegment = fc.integer({ min: 1, max: 12 });

const total = (runs: readonly SegmentRun[]) => runs.reduce((sum, run) => sum + run.count * run.duration, 0);
const count = (runs: readonly SegmentRun[]) => runs.reduce((sum, run) => sum + run.count, 0);

test('ten seconds at 25 frames, four seconds each', () => {
  expect(planGrid(exampleSource(), { segmentSeconds: 4 })).toEqual({
    segmentCount: 3,
    segmentSeconds: { num: 100, den: 25 },
    video: {
      frameRate: { num: 25, den: 1 },
      framesPerSegment: 100,
      frameCount: 250,
      timescale: 90_000,
      ticksPerFrame: 3600,
    },
    audio: { sampleRate: 48_000, samplesPerFrame: 1024, frameCount: 469 },
  });
});

test('video durations add up exactly, and every segment but the last is whole', () => {
  fc.assert(
    fc.property(anyRate, anyDuration, anySegment, (frameRate, duration, segmentSeconds) => {
      const grid = planGrid(silentSource(duration, { frameRate }), { segmentSeconds });
      const video = grid.video as NonNullable<Grid['video']>;
      const runs = videoSegmentRuns(grid);
      expect(total(runs)).toBe(video.frameCount * video.ticksPerFrame);
      expect(count(runs)).toBe(grid.segmentCount);
      expect(runs.length).toBeLessThanOrEqual(2);
      expect(Math.abs(video.frameCount / toNumber(video.frameRate) - duration)).toBeLessThanOrEqual(
        Math.max(0.5, 1 - duration * toNumber(frameRate)) / toNumber(video.frameRate) + 1e-6,
      );
      expect(video.timescale / video.ticksPerFrame).toBeCloseTo(toNumber(frameRate), 9);
      expect(Number.isInteger(video.ticksPerFrame)).toBe(true);
      expect(video.timescale).toBeGreaterThanOrEqual(10_000);
      expect(firstVideoFrame(grid, grid.segmentCount)).toBe(video.frameCount);
    }),
  );
});

test('audio follows video within half a frame, never empty, without drift', () => {
  fc.assert(
    fc.property(
      anyRate,
      anyDuration,
      anySegment,
      fc.constantFrom(44_100, 48_000, 8_000),
      (frameRate, duration, segmentSeconds, sampleRate) => {
        const grid = planGrid(exampleSource(duration, { frameRate }, { sampleRate }), { segmentSeconds });
        const audio = grid.audio as NonNullable<Grid['audio']>;
        const runs = audioSegmentRuns(grid);
        expect(total(runs)).toBe(audio.frameCount * 1024);
        expect(count(runs)).toBe(grid.segmentCount);
        expect(runs.every((run) => run.duration > 0)).toBe(true);
        const frame = 1024 / audio.sampleRate;
        for (const index of [1, grid.segmentCount >> 1, grid.segmentCount - 1]) {
          const boundary = firstAudioFrame(grid, index) * frame;
          if (index > 0 && index < grid.segmentCount)
            expect(Math.abs(boundary - index * toNumber(grid.segmentSeconds))).toBeLessThanOrEqual(
              frame / 2 + 1e-9,
            );
        }
        const length = ((grid.video?.frameCount ?? 0) * frameRate.den) / frameRate.num;
        expect(audio.frameCount * frame).toBeGreaterThanOrEqual(length - 1e-6);
        expect(audio.frameCount * frame).toBeLessThan(length + 2 * frame);
      },
    ),
  );
});

test('sound alone is cut on its own frames', () => {
  fc.assert(
    fc.property(
      anyDuration,
      anySegment,
      fc.constantFrom(44_100, 48_000),
      (duration, segmentSeconds, sampleRate) => {
        const grid = planGrid(exampleSound(duration, sampleRate), { segmentSeconds });
        const runs = audioSegmentRuns(grid);
        expect(runs.length).toBeLessThanOrEqual(2);
        expect(count(runs)).toBe(grid.segmentCount);
        expect(grid.audio?.sampleRate).toBe(sampleRate);
        expect(total(runs)).toBeGreaterThanOrEqual(duration * sampleRate - 1);
        expect(total(runs)).toBeLessThan(duration * sampleRate + 2048);
      },
    ),
  );
});

test('a faster source is capped, by the profile or at 60', () => {
  const fast = silentSource(1, { frameRate: { num: 240, den: 1 } });
  expect(planGrid(fast, { segmentSeconds: 2 }).video?.frameRate).toEqual({ num: 60, den: 1 });
  expect(planGrid(fast, { segmentSeconds: 2, maxFrameRate: 30 }).video?.frameRate).toEqual({
    num: 30,
    den: 1,
  });
});

test('segments of no length are refused', () => {
  expect(() => planGrid(exampleSource(), { segmentSeconds: 0 })).toThrow(/between 1 and 60/);
});

test('a short first segment is a part of a usual one, for pictures and sound alike', () => {
  const grid = planGrid(exampleSource(), { segmentSeconds: 4, firstSegmentSeconds: 1 });
  expect(grid).toMatchObject({
    segmentCount: 4,
    video: { framesPerSegment: 100, leadFrames: 25, frameCount: 250 },
  });
  expect([0, 1, 2, 3, 4].map((index) => firstVideoFrame(grid, index))).toEqual([0, 25, 100, 200, 250]);
  expect([0, 1, 2, 3, 4].map((index) => firstAudioFrame(grid, index))).toEqual([0, 47, 188, 375, 469]);
});

test('slower tracks begin their segments with the others; nothing shorter than half is a lead', () => {
  fc.assert(
    fc.property(
      anyRate,
      anyDuration,
      anySegment,
      fc.integer({ min: 5, max: 40 }),
      (frameRate, duration, segmentSeconds, slower) => {
        const options = { segmentSeconds, firstSegmentSeconds: 1, slowerRates: [slower, slower / 2] };
        const grid = planGrid(silentSource(duration, { frameRate }), options);
        const video = grid.video as NonNullable<Grid['video']>;
        for (const rate of options.slowerRates) {
          const divisor = frameRateDivisor(video.frameRate, video.framesPerSegment, rate);
          expect((video.leadFrames ?? 0) % divisor).toBe(0);
        }
        if (video.leadFrames !== undefined) {
          expect(video.leadFrames * 2).toBeLessThanOrEqual(video.framesPerSegment);
          expect(video.leadFrames).toBeLessThan(video.frameCount);
        }
        const runs = videoSegmentRuns(grid);
        expect(total(runs)).toBe(video.frameCount * video.ticksPerFrame);
        expect(count(runs)).toBe(grid.segmentCount);
        expect(runs.every((run) => run.duration > 0)).toBe(true);
      },
    ),
  );
});
