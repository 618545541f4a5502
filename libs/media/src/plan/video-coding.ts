import type { HdrTransfer } from '../probe/source-info.ts';
import { av1CodecString, hevcCodecString, vp9CodecString } from './codec-strings.ts';
import { type H264Profile, h264CodecString, h264Level } from './h264-level.ts';
import { av1Level, type DecoderLoad, hevcLevel, type Tier, vp9Level } from './levels.ts';
import type { VideoCodec } from './profile.ts';

/** Which codec, and what its decoder must be able to do. */
export type VideoCoding = H264Coding | LevelCoding;

/** H.264. */
export interface H264Coding {
  readonly codec: 'h264';
  /** RFC 6381, known before anything is encoded: `avc1.64001f`. */
  readonly codecs: string;
  readonly h264Profile: H264Profile;
  /** Level × 10. */
  readonly h264Level: number;
}

/** A codec of which one profile is used: HEVC Main (Main 10 for HDR), VP9 profile 0, AV1 Main. */
export interface LevelCoding {
  readonly codec: Exclude<VideoCodec, 'h264'>;
  /** RFC 6381, known before anything is encoded: `hvc1.1.6.L93.90`, `vp09.00.31.08`, `av01.0.05M.08`. */
  readonly codecs: string;
  /** Level × 10. */
  readonly level: number;
  readonly tier: Tier;
}

/** At most this many references and reordered pictures, whatever the preset. */
export const decodedFrames = 4;

/** What decides on the coding of a track besides its codec. */
export interface CodingLoad extends DecoderLoad {
  /** HDR that is kept. */
  readonly hdr?: HdrTransfer | undefined;
  /** Hardware encoders are only told to make High of H.264. */
  readonly isHardware: boolean;
}

/** Level and name of a track. Throws KerkisError `unsupported` PICTURE_TOO_LARGE when no level allows it. */
export function videoCoding(codec: VideoCodec, load: CodingLoad): VideoCoding {
  if (codec === 'h264') {
    const isHigh = load.isHardware || Math.min(load.width, load.height) >= 480;
    const h264Profile: H264Profile = isHigh ? 'high' : 'main';
    const level = h264Level({ ...load, decodedFrames, profile: h264Profile });
    return { codec, codecs: h264CodecString(h264Profile, level), h264Profile, h264Level: level };
  }
  const { levelOf, nameOf } = levelCodecs[codec];
  const level = levelOf(load);
  return { codec, codecs: nameOf(level, load.hdr), ...level };
}

const levelCodecs = {
  hevc: { levelOf: hevcLevel, nameOf: hevcCodecString },
  vp9: { levelOf: vp9Level, nameOf: vp9CodecString },
  av1: { levelOf: av1Level, nameOf: av1CodecString },
} as const;

/**
 * Constant rate factors near each other. Measured with preset `veryfast` on five seconds of one film at 360p, without a peak, SSIM and
 * bytes: x264 23 0.9762 at 100 %, x265 26 0.9754 at 74 %, VP9 36 0.9840 at 111 %, SVT-AV1 40 0.9879 at 102 %.
 */
const crfs: Readonly<Record<VideoCodec, number>> = { h264: 23, hevc: 26, vp9: 36, av1: 40 };

/** Quality of a rung that asks for none. */
export function defaultCrf(codec: VideoCodec): number {
  return crfs[codec];
}

/** Smallest side that is encoded, to which smaller sources are scaled up: one macroblock; SVT-AV1 refuses less than 64. */
export function minSideOf(codec: VideoCodec): number {
  return codec === 'av1' ? 64 : 16;
}
