import { decoderWhitelist } from '../probe/codecs.ts';
import type { Container } from '../probe/source-info.ts';

/** What guards the reading of a hostile file. */
export interface InputGuard {
  readonly container: Container;
  readonly maxPixels: number;
  readonly maxStreams: number;
  /** Where the input comes from; `file` by default. */
  readonly protocol?: 'file' | 'pipe';
}

/**
 * Options for ffmpeg and ffprobe before an input: one demuxer, no protocol but the input's own, known decoders, bounded pictures
 * and streams. Followed by `inputArgs`.
 */
export function guardArgs({ container, maxPixels, maxStreams, protocol = 'file' }: InputGuard): string[] {
  return [
    ...[
      '-protocol_whitelist',
      protocol,
      '-format_whitelist',
      container,
      '-codec_whitelist',
      decoderWhitelist,
    ],
    ...['-max_pixels', `${maxPixels}`, '-max_streams', `${maxStreams}`],
    ...['-probesize', '20M', '-analyzeduration', '20M'],
    ...['-f', container],
  ];
}

/** The input itself. `file:` keeps ffmpeg from reading a protocol or an option out of a path. */
export function inputArgs(path: string): string[] {
  return ['-i', `file:${path}`];
}
