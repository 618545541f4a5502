import { expect, test } from 'vitest';
import { av1CodecString, av1LevelIndex, hevcCodecString, vp9CodecString } from './codec-strings.ts';
import { av1Level, hevcLevel, vp9Level } from './levels.ts';

const load = (width: number, height: number, fps: number, maxBitrateBps = 1_000_000) => ({
  width,
  height,
  frameRate: { num: fps, den: 1 },
  maxBitrateBps,
  bufferBits: maxBitrateBps,
});

test.each([
  [load(640, 360, 30), 21, 21, 21],
  [load(1280, 720, 30), 31, 31, 31],
  [load(1920, 1080, 30, 6_000_000), 40, 40, 40],
  [load(1920, 1080, 60, 6_000_000), 41, 41, 41],
  [load(1080, 1920, 30, 6_000_000), 40, 40, 40],
  [load(3840, 2160, 30, 16_000_000), 50, 50, 50],
  [load(3840, 2160, 60, 30_000_000), 51, 51, 51],
])('%o', (wanted, hevc, vp9, av1) => {
  expect([hevcLevel(wanted), vp9Level(wanted), av1Level(wanted)]).toEqual(
    [hevc, vp9, av1].map((level) => ({ level, tier: 'main' })),
  );
});

test('bitrate raises the level, and the tier only where no level of the main tier is enough', () => {
  expect(hevcLevel(load(1280, 720, 30, 11_000_000))).toEqual({ level: 40, tier: 'main' });
  expect(hevcLevel(load(1920, 1080, 30, 250_000_000))).toEqual({ level: 61, tier: 'high' });
  expect(av1Level(load(1920, 1080, 30, 200_000_000))).toEqual({ level: 52, tier: 'high' });
  expect(() => vp9Level(load(1920, 1080, 30, 500_000_000))).toThrow(/No VP9 level/);
  expect(() => hevcLevel(load(16_384, 16_384, 30))).toThrow(/No HEVC level/);
});

test('names', () => {
  expect(hevcCodecString({ level: 41, tier: 'high' })).toBe('hvc1.1.6.H123.90');
  expect(vp9CodecString({ level: 51, tier: 'main' })).toBe('vp09.00.51.08');
  expect(av1CodecString({ level: 51, tier: 'main' })).toBe('av01.0.13M.08');
  expect([20, 21, 30, 40, 53, 62].map(av1LevelIndex)).toEqual([0, 1, 4, 8, 15, 18]);
});
