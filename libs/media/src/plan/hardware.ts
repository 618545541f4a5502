import type { HardwareFamily, Rendition, VideoCodec, VideoEncoder } from './profile.ts';

/** An encoder in hardware by ffmpeg's name; with `:10` it takes 10-bit pictures. */
export type HardwareEncoder = `${VideoCodec}_${HardwareFamily}${'' | ':10'}`;

/** Every encoder in hardware that a rung may be made with. NVENC makes no VP9; 10 bits are for HDR, in HEVC and AV1. */
export const hardwareEncoders: readonly HardwareEncoder[] = (['nvenc', 'qsv', 'vaapi'] as const).flatMap(
  (family) =>
    (['h264', 'hevc', 'vp9', 'av1'] as const)
      .filter((codec) => family !== 'nvenc' || codec !== 'vp9')
      .flatMap((codec): HardwareEncoder[] =>
        codec === 'hevc' || codec === 'av1'
          ? [`${codec}_${family}`, `${codec}_${family}:10`]
          : [`${codec}_${family}`],
      ),
);

/** What a rung is encoded with, as far as hardware matters. */
interface EncodedRung {
  readonly codec: VideoCodec;
  readonly encoder: VideoEncoder;
  readonly bitDepth: 8 | 10;
}

/** The encoder in hardware that a rung needs; undefined for software. */
export function hardwareEncoderOf({ codec, encoder, bitDepth }: EncodedRung): HardwareEncoder | undefined {
  if (encoder === 'software') return undefined;
  return bitDepth === 10 ? `${codec}_${encoder}:10` : `${codec}_${encoder}`;
}

/**
 * What encodes a rung for good: the hardware that its rendition asks for, if it is among `available`, else software. It is decided
 * once, with the plan, because all chunks of a track share one init segment and two encoders never write the same: a worker
 * without that hardware leaves the track's chunks to others.
 */
export function resolveEncoder(
  { codec, encoder = 'software' }: Pick<Rendition, 'codec' | 'encoder'>,
  bitDepth: 8 | 10,
  available: readonly string[],
): VideoEncoder {
  const needed = hardwareEncoderOf({ codec, encoder, bitDepth });
  return needed !== undefined && available.includes(needed) ? encoder : 'software';
}
