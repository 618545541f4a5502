import { KerkisError } from '@kerkis/errors';
import { type Rational, toNumber } from '../rational.ts';

/** A picture size, rate and bitrate that a decoder must cope with. */
export interface DecoderLoad {
  readonly width: number;
  readonly height: number;
  readonly frameRate: Rational;
  readonly maxBitrateBps: number;
  /** Size of the coded picture buffer. */
  readonly bufferBits: number;
}

/** Bitrate class within a level: `high` only where `main` of no level allows the bitrate. */
export type Tier = 'main' | 'high';

/** What a decoder must be able to do. */
export interface Level {
  /** Level × 10, e.g. 31 for 3.1. */
  readonly level: number;
  readonly tier: Tier;
}

interface Limits {
  readonly level: number;
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly pictureSamples: number;
  readonly samplesPerSecond: number;
  /** By tier, kilobits per second and kilobits; high tier is absent where there is none. */
  readonly main: readonly [rate: number, buffer: number];
  readonly high?: readonly [rate: number, buffer: number];
}

/** Tables A.8 and A.9 of ITU-T H.265: level × 10, MaxLumaPs, MaxLumaSr, MaxBR and MaxCPB of both tiers in 1,000 bits. */
const hevcLevels = (
  [
    [10, 36_864, 552_960, [128, 350]],
    [20, 122_880, 3_686_400, [1500, 1500]],
    [21, 245_760, 7_372_800, [3000, 3000]],
    [30, 552_960, 16_588_800, [6000, 6000]],
    [31, 983_040, 33_177_600, [10_000, 10_000]],
    [40, 2_228_224, 66_846_720, [12_000, 12_000], [30_000, 30_000]],
    [41, 2_228_224, 133_693_440, [20_000, 20_000], [50_000, 50_000]],
    [50, 8_912_896, 267_386_880, [25_000, 25_000], [100_000, 100_000]],
    [51, 8_912_896, 534_773_760, [40_000, 40_000], [160_000, 160_000]],
    [52, 8_912_896, 1_069_547_520, [60_000, 60_000], [240_000, 240_000]],
    [60, 35_651_584, 1_069_547_520, [60_000, 60_000], [240_000, 240_000]],
    [61, 35_651_584, 2_139_095_040, [120_000, 120_000], [480_000, 480_000]],
    [62, 35_651_584, 4_278_190_080, [240_000, 240_000], [800_000, 800_000]],
  ] as const
).map(([level, pictureSamples, samplesPerSecond, main, high]): Limits => {
  // A.4.1: neither side is longer than the root of eight times the picture.
  const side = Math.floor(Math.sqrt(8 * pictureSamples));
  const sides = { maxWidth: side, maxHeight: side };
  return { level, pictureSamples, samplesPerSecond, main, ...sides, ...(high && { high }) };
});

/**
 * https://www.webmproject.org/vp9/levels/: level × 10, luma picture size, luma samples per second, longest side, kilobits per second
 * and of the coded picture buffer.
 */
const vp9Levels = (
  [
    [10, 36_864, 829_440, 512, [200, 400]],
    [11, 73_728, 2_764_800, 768, [800, 1000]],
    [20, 122_880, 4_608_000, 960, [1800, 1500]],
    [21, 245_760, 9_216_000, 1344, [3600, 2800]],
    [30, 552_960, 20_736_000, 2048, [7200, 6000]],
    [31, 983_040, 36_864_000, 2752, [12_000, 10_000]],
    [40, 2_228_224, 83_558_400, 4160, [18_000, 16_000]],
    [41, 2_228_224, 160_432_128, 4160, [30_000, 18_000]],
    [50, 8_912_896, 311_951_360, 8384, [60_000, 36_000]],
    [51, 8_912_896, 588_251_136, 8384, [120_000, 46_000]],
    [52, 8_912_896, 1_176_502_272, 8384, [180_000, 90_000]],
    [60, 35_651_584, 1_176_502_272, 16_832, [180_000, 90_000]],
    [61, 35_651_584, 2_353_004_544, 16_832, [240_000, 180_000]],
    [62, 35_651_584, 4_706_009_088, 16_832, [480_000, 360_000]],
  ] as const
).map(
  ([level, pictureSamples, samplesPerSecond, side, main]): Limits => ({
    level,
    pictureSamples,
    samplesPerSecond,
    maxWidth: side,
    maxHeight: side,
    main,
  }),
);

/**
 * Annex A.3 of the AV1 specification: level × 10, MaxPicSize, MaxHSize, MaxVSize, MaxDisplayRate, MainMbps and HighMbps. The
 * buffer holds one second of the highest rate.
 */
const av1Levels = (
  [
    [20, 147_456, 2048, 1152, 4_423_680, 1500],
    [21, 278_784, 2816, 1584, 8_363_520, 3000],
    [30, 665_856, 4352, 2448, 19_975_680, 6000],
    [31, 1_065_024, 5504, 3096, 31_950_720, 10_000],
    [40, 2_359_296, 6144, 3456, 70_778_880, 12_000, 30_000],
    [41, 2_359_296, 6144, 3456, 141_557_760, 20_000, 50_000],
    [50, 8_912_896, 8192, 4352, 267_386_880, 30_000, 100_000],
    [51, 8_912_896, 8192, 4352, 534_773_760, 40_000, 160_000],
    [52, 8_912_896, 8192, 4352, 1_069_547_520, 60_000, 240_000],
    [60, 35_651_584, 16_384, 8704, 1_069_547_520, 60_000, 240_000],
    [61, 35_651_584, 16_384, 8704, 2_139_095_040, 100_000, 480_000],
    [62, 35_651_584, 16_384, 8704, 4_278_190_080, 160_000, 800_000],
  ] as const
).map(([level, pictureSamples, maxWidth, maxHeight, samplesPerSecond, main, high]): Limits => {
  const sizes = { level, pictureSamples, maxWidth, maxHeight, samplesPerSecond };
  return { ...sizes, main: [main, main], ...(high && { high: [high, high] as const }) };
});

/** The lowest HEVC level of the lowest tier that allows the load. Throws KerkisError `unsupported` PICTURE_TOO_LARGE. */
export function hevcLevel(load: DecoderLoad): Level {
  // Coded sizes are whole minimal coding blocks of 8×8.
  return lowest('HEVC', hevcLevels, { ...load, width: ceil8(load.width), height: ceil8(load.height) });
}

/** The lowest VP9 level that allows the load. Throws KerkisError `unsupported` PICTURE_TOO_LARGE. */
export function vp9Level(load: DecoderLoad): Level {
  // Frames that are decoded and not shown count: at most one in eight, which is why the limits are above those of HEVC.
  const frameRate = { num: load.frameRate.num * 9, den: load.frameRate.den * 8 };
  return lowest('VP9', vp9Levels, { ...load, frameRate });
}

/** The lowest AV1 level of the lowest tier that allows the load. Throws KerkisError `unsupported` PICTURE_TOO_LARGE. */
export function av1Level(load: DecoderLoad): Level {
  return lowest('AV1', av1Levels, load);
}

function ceil8(length: number): number {
  return 8 * Math.ceil(length / 8);
}

function lowest(codec: string, levels: readonly Limits[], load: DecoderLoad): Level {
  const samples = load.width * load.height;
  const fitting = levels.filter(
    (limits) =>
      load.width <= limits.maxWidth &&
      load.height <= limits.maxHeight &&
      samples <= limits.pictureSamples &&
      samples * toNumber(load.frameRate) <= limits.samplesPerSecond,
  );
  for (const tier of ['main', 'high'] as const) {
    const found = fitting.find(({ [tier]: limit }) => {
      const [rate, buffer] = limit ?? [0, 0];
      return load.maxBitrateBps <= rate * 1000 && load.bufferBits <= buffer * 1000;
    });
    if (found !== undefined) return { level: found.level, tier };
  }
  throw new KerkisError(
    'unsupported',
    'PICTURE_TOO_LARGE',
    `No ${codec} level allows a picture of this size and rate.`,
    { details: { width: `${load.width}`, height: `${load.height}` } },
  );
}
