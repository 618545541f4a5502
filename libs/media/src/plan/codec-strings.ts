import type { HdrTransfer } from '../probe/source-info.ts';
import type { Level } from './levels.ts';

const twoDigits = (value: number): string => `${value}`.padStart(2, '0');

/**
 * RFC 6381 name of HEVC, e.g. `hvc1.1.6.L93.90` for Main and `hvc1.2.4.L93.90` for Main 10: profile, its compatibility flags in
 * reverse, tier, level × 30, constraint byte (progressive, frames only) as x265 writes them (ISO/IEC 14496-15, annex E).
 */
export function hevcCodecString({ level, tier }: Level, hdr?: HdrTransfer): string {
  const profile = hdr === undefined ? '1.6' : '2.4';
  return `hvc1.${profile}.${tier === 'high' ? 'H' : 'L'}${level * 3}.90`;
}

/** `vp09.00.31.08`: profile 0, level × 10, 8 bits; what may follow has its default, which is 4:2:0 and BT.709. */
export function vp9CodecString({ level }: Level): string {
  return `vp09.00.${twoDigits(level)}.08`;
}

/**
 * `av01.0.05M.08`: profile 0, level as `av1LevelIndex`, tier, 8 bits; what may follow has its default. HDR says all of it:
 * `av01.0.05M.10.0.110.09.16.09.0`, which is no monochrome, 4:2:0 of unknown siting, BT.2020, PQ (HLG: 18), limited range.
 */
export function av1CodecString({ level, tier }: Level, hdr?: HdrTransfer): string {
  const name = `av01.0.${twoDigits(av1LevelIndex(level))}${tier === 'high' ? 'H' : 'M'}`;
  return hdr === undefined ? `${name}.08` : `${name}.10.0.110.09.${hdr === 'pq' ? 16 : 18}.09.0`;
}

/** `seq_level_idx` of level × 10: 8 for 4.0 (AV1 specification, A.3). */
export function av1LevelIndex(level: number): number {
  return (Math.floor(level / 10) - 2) * 4 + (level % 10);
}
