import { KerkisError } from '@kerkis/errors';
import type { Rational } from '../rational.ts';
import { toNumber } from '../rational.ts';

/** Profiles that x264 is told to use. */
export type H264Profile = 'main' | 'high';

/** A picture size, rate and bitrate that a decoder must cope with. */
export interface H264Load {
  readonly width: number;
  readonly height: number;
  readonly frameRate: Rational;
  readonly maxBitrateBps: number;
  /** Size of the coded picture buffer. */
  readonly bufferBits: number;
  /** Decoded pictures that are kept: reference frames and what waits for its turn. */
  readonly decodedFrames: number;
  readonly profile: H264Profile;
}

interface LevelLimits {
  readonly level: number;
  readonly macroblocksPerSecond: number;
  readonly macroblocks: number;
  readonly bufferedMacroblocks: number;
  readonly kilobitsPerSecond: number;
  readonly bufferKilobits: number;
}

/** Table A-1 of ITU-T H.264: level × 10, MaxMBPS, MaxFS, MaxDpbMbs, MaxBR, MaxCPB (both in 1,000 bits for Main). */
const levels: readonly LevelLimits[] = (
  [
    [10, 1485, 99, 396, 64, 175],
    [11, 3000, 396, 900, 192, 500],
    [12, 6000, 396, 2376, 384, 1000],
    [13, 11_880, 396, 2376, 768, 2000],
    [20, 11_880, 396, 2376, 2000, 2000],
    [21, 19_800, 792, 4752, 4000, 4000],
    [22, 20_250, 1620, 8100, 4000, 4000],
    [30, 40_500, 1620, 8100, 10_000, 10_000],
    [31, 108_000, 3600, 18_000, 14_000, 14_000],
    [32, 216_000, 5120, 20_480, 20_000, 20_000],
    [40, 245_760, 8192, 32_768, 20_000, 25_000],
    [41, 245_760, 8192, 32_768, 50_000, 62_500],
    [42, 522_240, 8704, 34_816, 50_000, 62_500],
    [50, 589_824, 22_080, 110_400, 135_000, 135_000],
    [51, 983_040, 36_864, 184_320, 240_000, 240_000],
    [52, 2_073_600, 36_864, 184_320, 240_000, 240_000],
    [60, 4_177_920, 139_264, 696_320, 240_000, 240_000],
    [61, 8_355_840, 139_264, 696_320, 480_000, 480_000],
    [62, 16_711_680, 139_264, 696_320, 800_000, 800_000],
  ] as const
).map(
  ([level, macroblocksPerSecond, macroblocks, bufferedMacroblocks, kilobitsPerSecond, bufferKilobits]) => ({
    level,
    macroblocksPerSecond,
    macroblocks,
    bufferedMacroblocks,
    kilobitsPerSecond,
    bufferKilobits,
  }),
);

/**
 * The lowest H.264 level (× 10, e.g. 31 for 3.1) that allows the load.
 *
 * Throws KerkisError `unsupported` PICTURE_TOO_LARGE when no level does.
 */
export function h264Level(load: H264Load): number {
  const columns = Math.ceil(load.width / 16);
  const rows = Math.ceil(load.height / 16);
  const macroblocks = columns * rows;
  const perSecond = macroblocks * toNumber(load.frameRate);
  // High profile may use 1.25 times the rates of the table (cpbBrVclFactor 1250 to 1000, table A-2).
  const rateFactor = load.profile === 'high' ? 1250 : 1000;
  const found = levels.find(
    (limits) =>
      macroblocks <= limits.macroblocks &&
      Math.max(columns, rows) <= Math.sqrt(8 * limits.macroblocks) &&
      perSecond <= limits.macroblocksPerSecond &&
      load.decodedFrames * macroblocks <= limits.bufferedMacroblocks &&
      load.maxBitrateBps <= limits.kilobitsPerSecond * rateFactor &&
      load.bufferBits <= limits.bufferKilobits * rateFactor,
  );
  if (found === undefined) {
    throw new KerkisError(
      'unsupported',
      'PICTURE_TOO_LARGE',
      'No H.264 level allows a picture of this size and rate.',
      {
        details: { width: `${load.width}`, height: `${load.height}` },
      },
    );
  }
  return found.level;
}

/** RFC 6381 name, e.g. `avc1.64001f`: profile, constraint flags and level as x264 writes them into the SPS. */
export function h264CodecString(profile: H264Profile, level: number): string {
  const indication = profile === 'high' ? '6400' : '4d40';
  return `avc1.${indication}${level.toString(16).padStart(2, '0')}`;
}
