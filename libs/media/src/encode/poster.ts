import { KerkisError } from '@kerkis/errors';
import { fitSize } from '../plan/ladder.ts';
import {
  type SourceInfo,
  toPresentationSeconds,
  toSourceSeconds,
  type VideoSource,
} from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { type FfmpegOptions, startFfmpeg } from '../process/run-ffmpeg.ts';
import { toneMap, toneMapped, toOutputSize } from './picture-filters.ts';
import { presentationTicks, videoSeekArgs } from './seek.ts';
import type { EncodeSettings } from './video-args.ts';

/** Which picture to take. */
export interface PosterOptions {
  /** Presentation time of the picture; by default the most typical one after 10 % of the duration. */
  readonly atMs?: number;
  /** Longest short side in pixels; 720 by default. */
  readonly maxShortSide?: number;
}

/** A poster is the most typical of this many frames, which passes over black ones and blends. */
const candidates = 48;
/** Largest JPEG that is believed. */
const maxJpegBytes = 16 * 1024 ** 2;

/**
 * Arguments of the ffmpeg that writes one JPEG to file descriptor 3: from the video, or the cover art of an audio
 * source.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_PICTURE.
 */
export function posterArgs(source: SourceInfo, options: PosterOptions, settings: EncodeSettings): string[] {
  const shortSide = options.maxShortSide ?? 720;
  const { seek, index, filters } = pictureOf(source, options, shortSide);
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1'],
    ...seek,
    ...['-noautorotate', '-threads', `${settings.threads}`, '-an', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
    ...['-filter_complex', `[0:${index}]${filters.join(',')}[v]`, '-map', '[v]', '-frames:v', '1'],
    ...[
      '-map_metadata',
      '-1',
      '-c:v',
      'mjpeg',
      '-q:v',
      '3',
      '-flags',
      '+bitexact',
      '-f',
      'image2pipe',
      'pipe:3',
    ],
  ];
}

/** Makes the poster: a JPEG. Throws what `posterArgs` and `startFfmpeg` throw. */
export async function makePoster(
  source: SourceInfo,
  options: PosterOptions,
  settings: EncodeSettings & Omit<FfmpegOptions, 'readable' | 'pipeCount'>,
): Promise<Buffer> {
  const args = posterArgs(source, options, settings);
  const ffmpeg = startFfmpeg(args, { ...settings, readable: [settings.sourcePath], pipeCount: 1 });
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of (ffmpeg.pipes[0] ?? []) as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxJpegBytes) ffmpeg.stop();
    else chunks.push(chunk);
  }
  await ffmpeg.ended;
  if (sizeBytes === 0) throw noPicture('No picture could be decoded at that time.');
  return Buffer.concat(chunks);
}

function pictureOf(source: SourceInfo, options: PosterOptions, shortSide: number) {
  const { video, attachedPicture } = source;
  if (video !== undefined) {
    const atSeconds = Math.max(0, options.atMs ?? source.durationMs * 0.1) / 1000;
    const last = toPresentationSeconds(source.timeline, video.lastFrameSeconds);
    const from = Math.min(atSeconds, last) - 0.001;
    const filters = [
      `setpts='${presentationTicks(source.timeline, video.timeBase.den / video.timeBase.num)}'`,
      `select='gte(t,${from.toFixed(3)})'`,
      ...(options.atMs === undefined ? [`thumbnail=n=${candidates}`] : []),
      ...shaped(video, shortSide),
    ];
    return {
      seek: videoSeekArgs(source, toSourceSeconds(source.timeline, atSeconds)),
      index: video.index,
      filters,
    };
  }
  if (attachedPicture === undefined) throw noPicture('The source has no picture.');
  const { index, width, height } = attachedPicture;
  const size = fitSize({ displayWidth: width, displayHeight: height }, shortSide);
  const filters = [
    `scale=${size.width}:${size.height}:flags=bicubic:out_range=pc`,
    'setsar=1',
    'format=yuvj420p',
  ];
  return { seek: [], index, filters };
}

function shaped(video: VideoSource, shortSide: number): string[] {
  const size = fitSize(video, shortSide);
  if (video.hdr === undefined) return toOutputSize(video, size, 'pc');
  return [...toneMap(video, size), ...toOutputSize(toneMapped(video, size), size, 'pc')];
}

function noPicture(message: string): KerkisError {
  return new KerkisError('unsupported', 'SOURCE_HAS_NO_PICTURE', message);
}
