import { deinterlaced } from '../encode/picture-filters.ts';
import { presentationTicks, videoSeekArgs } from '../encode/seek.ts';
import type { EncodeSettings } from '../encode/video-args.ts';
import { fitSize } from '../plan/ladder.ts';
import { type SourceInfo, toPresentationSeconds, toSourceSeconds } from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { displaySize, jpegArgs, noPicture, runJpeg, shapedCover, shapedVideo } from './jpeg.ts';
import type { ExtraOptions } from './run.ts';

/** Which picture to take. */
export interface PosterOptions {
  /** Presentation time of the picture; by default the most typical one after 10 % of the duration. */
  readonly atMs?: number;
  /** Longest short side in pixels; 720 by default. */
  readonly maxShortSide?: number;
}

/** A poster is the most typical of this many frames, which passes over black ones and blends. */
const candidates = 48;

/**
 * Arguments of the ffmpeg that writes one JPEG to file descriptor 3: from the video, or the cover art of an audio
 * source.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_PICTURE.
 */
export function posterArgs(source: SourceInfo, options: PosterOptions, settings: EncodeSettings): string[] {
  const { seek, index, filters } = pictureOf(source, options);
  const input = [
    ...[...seek, '-noautorotate', '-threads', `${settings.threads}`, '-an', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
  ];
  return jpegArgs(input, index, filters);
}

/** Makes the poster: a JPEG. Throws what `posterArgs` and `startFfmpeg` throw. */
export function makePoster(
  source: SourceInfo,
  poster: PosterOptions,
  options: ExtraOptions,
): Promise<Buffer> {
  return Promise.try(() => runJpeg(posterArgs(source, poster, options), options));
}

function pictureOf(source: SourceInfo, { atMs, maxShortSide = 720 }: PosterOptions) {
  const { video, attachedPicture, timeline } = source;
  if (video !== undefined) {
    const atSeconds = Math.max(0, atMs ?? source.durationMs * 0.1) / 1000;
    const last = toPresentationSeconds(timeline, video.lastFrameSeconds);
    const from = Math.min(atSeconds, last) - 0.001;
    const filters = [
      ...deinterlaced(video, 'mode=send_frame:'),
      `setpts='${presentationTicks(timeline, video.timeBase.den / video.timeBase.num)}'`,
      `select='gte(t,${from.toFixed(3)})'`,
      ...(atMs === undefined ? [`thumbnail=n=${candidates}`] : []),
      ...shapedVideo(video, fitSize(video, maxShortSide)),
    ];
    return {
      seek: videoSeekArgs(source, toSourceSeconds(timeline, atSeconds)),
      index: video.index,
      filters,
    };
  }
  if (attachedPicture === undefined) throw noPicture();
  const filters = shapedCover(fitSize(displaySize(attachedPicture), maxShortSide));
  return { seek: [], index: attachedPicture.index, filters };
}
