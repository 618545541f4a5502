import type { Level } from './levels.ts';

const twoDigits = (value: number): string => `${value}`.padStart(2, '0');

/**
 * RFC 6381 name of HEVC Main, e.g. `hvc1.1.6.L93.90`: profile 1, its compatibility flags in reverse, tier, level × 30,
 * constraint byte (progressive, frames only) as x265 writes them (ISO/IEC 14496-15, annex E).
 */
export function hevcCodecString({ level, tier }: Level): string {
  return `hvc1.1.6.${tier === 'high' ? 'H' : 'L'}${level * 3}.90`;
}

/** `vp09.00.31.08`: profile 0, level × 10, 8 bits; what may follow has its default, which is 4:2:0 and BT.709. */
export function vp9CodecString({ level }: Level): string {
  return `vp09.00.${twoDigits(level)}.08`;
}

/** `av01.0.05M.08`: profile 0, level as `av1LevelIndex`, tier, 8 bits; what may follow has its default. */
export function av1CodecString({ level, tier }: Level): string {
  return `av01.0.${twoDigits(av1LevelIndex(level))}${tier === 'high' ? 'H' : 'M'}.08`;
}

/** `seq_level_idx` of level × 10: 8 for 4.0 (AV1 specification, A.3). */
export function av1LevelIndex(level: number): number {
  return (Math.floor(level / 10) - 2) * 4 + (level % 10);
}
