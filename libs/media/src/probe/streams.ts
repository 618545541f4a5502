import { KerkisError } from '@kerkis/errors';
import { parseRational, type Rational } from '../rational.ts';
import { decoderWhitelist, pictureCodecs } from './codecs.ts';
import type { SourceLimits } from './limits.ts';
import type { RawDescription, RawStream } from './stream-description.ts';
import { known } from './stream-description.ts';

/** A stream that can be decoded, as far as its description says. */
export interface PickedStream {
  readonly index: number;
  readonly timeBase: Rational;
  readonly raw: RawStream;
}

/** The streams that are used. */
export interface PickedStreams {
  readonly video?: PickedStream;
  readonly audios: readonly PickedStream[];
  readonly subtitles: readonly RawStream[];
  readonly picture?: RawStream;
  readonly warnings: readonly string[];
}

/** Checks the shape of ffprobe's answer and the number of streams. */
export function parseDescription(json: unknown, limits: SourceLimits): RawDescription {
  const description = (typeof json === 'object' && json !== null ? json : {}) as RawDescription;
  if ((description.streams?.length ?? 0) > limits.maxStreams) {
    throw new KerkisError('unsupported', 'SOURCE_TOO_MANY_STREAMS', 'The file has too many streams.', {
      details: { streams: `${description.streams?.length}`, maxStreams: `${limits.maxStreams}` },
    });
  }
  return description;
}

/** Chooses the video (the default one, else the largest), all audio, the subtitles and the cover. */
export function pickStreams(description: RawDescription, limits: SourceLimits): PickedStreams {
  const streams = description.streams ?? [];
  const videos = streams.filter((stream) => stream.codec_type === 'video' && !isPicture(stream));
  const audios = streams.filter((stream) => stream.codec_type === 'audio');
  const video = videos.filter(isUsable).sort(byPreference)[0];
  if (video !== undefined) checkPixels(video, limits);
  const usableAudios = audios.filter(isUsable).slice(0, limits.maxAudios);
  if (video === undefined && (videos.length > 0 || usableAudios.length === 0)) {
    throw nothingPlayable([...videos, ...audios]);
  }
  const picture = streams.find(
    (stream) => stream.codec_type === 'video' && isPicture(stream) && hasPictureSize(stream, limits),
  );
  const unusable = audios.length - usableAudios.length;
  return {
    ...(video === undefined ? {} : { video: picked(video) }),
    audios: usableAudios.map(picked),
    subtitles: streams.filter(
      (stream) => stream.codec_type === 'subtitle' && known(stream.codec_name) !== undefined,
    ),
    ...(picture === undefined ? {} : { picture }),
    warnings: [
      ...(videos.length > 1 ? ['The file has several video streams; one is used.'] : []),
      ...(unusable > 0 ? ['Not all audio streams can be used; the others are left out.'] : []),
    ],
  };
}

const decoders = new Set(decoderWhitelist.split(','));
/** Codecs whose decoder has another name. */
const aliases: Readonly<Record<string, string>> = {
  dts: 'dca',
  amr_nb: 'amrnb',
  amr_wb: 'amrwb',
  msmpeg4v3: 'msmpeg4',
  flv1: 'flv',
  adpcm_g722: 'g722',
  adpcm_g726: 'g726',
};

function isUsable(stream: RawStream): boolean {
  const codec = known(stream.codec_name);
  if (codec === undefined || !decoders.has(aliases[codec] ?? codec)) return false;
  if (stream.codec_type === 'audio') return Number(stream.sample_rate) > 0 && (stream.channels ?? 0) > 0;
  return (stream.width ?? 0) > 0 && (stream.height ?? 0) > 0 && known(stream.pix_fmt) !== undefined;
}

/** Cover art: said so by the container, or a picture codec that no video camera writes. */
function isPicture(stream: RawStream): boolean {
  if (stream.disposition?.attached_pic === 1 || stream.disposition?.still_image === 1) return true;
  return (
    pictureCodecs.has(stream.codec_name ?? '') && stream.codec_name !== 'mjpeg' && stream.codec_name !== 'png'
  );
}

function byPreference(a: RawStream, b: RawStream): number {
  const defaults = (b.disposition?.default ?? 0) - (a.disposition?.default ?? 0);
  return defaults !== 0 ? defaults : pixels(b) - pixels(a);
}

function pixels(stream: RawStream): number {
  return (stream.width ?? 0) * (stream.height ?? 0);
}

function checkPixels(video: RawStream, limits: SourceLimits): void {
  if (pixels(video) <= limits.maxPixels) return;
  throw new KerkisError('unsupported', 'SOURCE_TOO_LARGE_PICTURE', 'The picture is larger than allowed.', {
    details: { width: `${video.width}`, height: `${video.height}`, maxPixels: `${limits.maxPixels}` },
  });
}

function hasPictureSize(stream: RawStream, limits: SourceLimits): boolean {
  return pixels(stream) > 0 && pixels(stream) <= limits.maxPixels;
}

function picked(raw: RawStream): PickedStream {
  return { index: raw.index, timeBase: parseRational(raw.time_base) ?? { num: 1, den: 1000 }, raw };
}

function nothingPlayable(streams: readonly RawStream[]): KerkisError {
  const odd = streams.find((stream) => !isUsable(stream));
  if (odd === undefined) {
    return new KerkisError(
      'unsupported',
      'SOURCE_NO_PLAYABLE_STREAMS',
      'The file has neither video nor audio.',
    );
  }
  const codec = known(odd.codec_name) ?? odd.codec_tag_string ?? 'unknown';
  if (known(odd.codec_name) !== undefined && decoders.has(aliases[codec] ?? codec)) {
    return new KerkisError(
      'invalid',
      'SOURCE_CORRUPT',
      `The ${odd.codec_type} of the file is damaged beyond use.`,
    );
  }
  return new KerkisError(
    'unsupported',
    'SOURCE_CODEC_UNSUPPORTED',
    `The ${odd.codec_type} codec of the file is not supported. Convert it to H.264 and AAC, for example.`,
    { details: { codec: codec.replace(/[^\w.-]/g, '').slice(0, 32) } },
  );
}
