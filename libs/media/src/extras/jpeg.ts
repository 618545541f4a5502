import { KerkisError } from '@kerkis/errors';
import { type PictureSize, toneMap, toneMapped, toOutputSize } from '../encode/picture-filters.ts';
import type { AttachedPicture, VideoSource } from '../probe/source-info.ts';
import { type ExtraOptions, ffmpegBytes, plainOutput, quietArgs } from './run.ts';

/** Largest JPEG that is believed. */
const maxJpegBytes = 16 * 1024 ** 2;

/** Options of an output that is JPEG pictures on file descriptor 3. */
export const jpegOutput = [
  ...['-map', '[v]', '-fps_mode', 'passthrough', '-c:v', 'mjpeg', '-q:v', '3', '-threads', '1'],
  ...[...plainOutput, '-f', 'image2pipe', 'pipe:3'],
];

/** Arguments of the ffmpeg that writes the first picture of a filter chain. */
export function jpegArgs(inputArgs: readonly string[], index: number, filters: readonly string[]): string[] {
  const graph = `[0:${index}]${filters.join(',')}[v]`;
  return [...quietArgs, ...inputArgs, '-filter_complex', graph, '-frames:v', '1', ...jpegOutput];
}

/**
 * Runs it. Throws KerkisError `unsupported` SOURCE_HAS_NO_PICTURE when nothing could be decoded, and what `startFfmpeg`
 * rejects with.
 */
export async function runJpeg(args: readonly string[], options: ExtraOptions): Promise<Buffer> {
  const jpeg = await ffmpegBytes(args, options, { readable: [options.sourcePath] }, maxJpegBytes);
  if (jpeg === undefined || jpeg.length === 0) throw noPicture('No picture could be decoded at that time.');
  return jpeg;
}

/** Filters from decoded pictures to upright SDR ones of this size. */
export function shapedVideo(video: VideoSource, size: PictureSize): string[] {
  if (video.hdr === undefined) return toOutputSize(video, size, 'pc');
  return [...toneMap(video, size), ...toOutputSize(toneMapped(video, size), size, 'pc')];
}

/** The same for cover art. */
export function shapedCover({ width, height }: PictureSize): string[] {
  return [`scale=${width}:${height}:flags=bicubic:out_range=pc`, 'setsar=1', 'format=yuvj420p'];
}

/** Size in square pixels as `fitSize` takes it. */
export function displaySize({ width, height }: AttachedPicture) {
  return { displayWidth: width, displayHeight: height };
}

/** KerkisError `unsupported` SOURCE_HAS_NO_PICTURE. */
export function noPicture(message = 'The source has no picture.'): KerkisError {
  return new KerkisError('unsupported', 'SOURCE_HAS_NO_PICTURE', message);
}
