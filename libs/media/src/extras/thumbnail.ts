import { type EncodeSettings, frameFilters, videoInputArgs } from '../encode/video-args.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { toNumber } from '../rational.ts';
import { displaySize, jpegArgs, noPicture, runJpeg, shapedCover, shapedVideo } from './jpeg.ts';
import type { ExtraOptions } from './run.ts';

/** Which picture to take. */
export interface ThumbnailOptions {
  /** Presentation time; before the start the first picture is meant, after the end the last one. */
  readonly timeSeconds: number;
  /** Width in pixels; the source's by default, which is also the most. */
  readonly width?: number;
}

/**
 * Arguments of the ffmpeg that writes one JPEG to file descriptor 3: the frame of the grid that tracks show at that time, or the
 * cover art of a source without video.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_PICTURE.
 */
export function thumbnailArgs(
  plan: MediaPlan,
  thumbnail: ThumbnailOptions,
  settings: EncodeSettings,
): string[] {
  const { source, grid } = plan;
  const { timeSeconds, width } = thumbnail;
  if (source.video !== undefined && grid.video !== undefined) {
    const { frameRate, frameCount } = grid.video;
    const wanted = timeSeconds > 0 ? Math.floor(timeSeconds * toNumber(frameRate) + 1e-3) : 0;
    const first = Math.min(wanted, frameCount - 1);
    const filters = [
      ...frameFilters(plan, { first, end: first + 1 }),
      ...shapedVideo(source.video, fitWidth(source.video, width)),
    ];
    return jpegArgs(videoInputArgs(plan, first, settings), source.video.index, filters);
  }
  if (source.attachedPicture === undefined) throw noPicture();
  const { attachedPicture } = source;
  const input = [
    ...['-threads', `${settings.threads}`, '-an', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
  ];
  return jpegArgs(input, attachedPicture.index, shapedCover(fitWidth(displaySize(attachedPicture), width)));
}

/** Makes a JPEG of the picture at a time. Throws what `thumbnailArgs` and `startFfmpeg` throw. */
export function makeThumbnail(
  plan: MediaPlan,
  thumbnail: ThumbnailOptions,
  options: ExtraOptions,
): Promise<Buffer> {
  return Promise.try(() => runJpeg(thumbnailArgs(plan, thumbnail, options), options));
}

/** Longest side of a thumbnail in pixels. */
const maxSide = 4096;

/** Even size with the shape of the picture and at most this width, at least 2×2 and else never larger than the source. */
function fitWidth(
  { displayWidth, displayHeight }: { readonly displayWidth: number; readonly displayHeight: number },
  width = displayWidth,
) {
  const longest = Math.max(displayWidth, displayHeight);
  const factor = Math.min(1, Math.max(1, width) / displayWidth, maxSide / longest);
  const side = (length: number) =>
    Math.max(2, Math.min(2 * Math.round((length * factor) / 2), 2 * Math.floor(length / 2)));
  return { width: side(displayWidth), height: side(displayHeight) };
}
