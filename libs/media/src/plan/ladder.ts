import { KerkisError } from '@kerkis/errors';
import type { AudioSource, SourceInfo, VideoSource } from '../probe/source-info.ts';
import { type Rational, rational, toNumber } from '../rational.ts';
import type { Grid } from './grid.ts';
import type { AudioCodec, AudioRendition, EncoderPreset, EncodingProfile, Rendition } from './profile.ts';
import { defaultCrf, minSideOf, type VideoCoding, videoCoding } from './video-coding.ts';

/** One encoded video track. */
export type VideoRung = VideoRungShape & VideoCoding;

/** What rungs of all codecs have. */
interface VideoRungShape {
  /** Unique in the ladder, safe in a path: `h264-720p`. */
  readonly name: string;
  /** Even numbers of square pixels. */
  readonly width: number;
  readonly height: number;
  readonly frameRate: Rational;
  /** Each how manieth frame of the grid the rung keeps. */
  readonly frameRateDivisor: number;
  readonly crf: number;
  readonly preset: EncoderPreset;
  readonly maxBitrateBps: number;
  readonly bufferBits: number;
  /** Most that a segment may take, container included: BANDWIDTH of HLS. */
  readonly peakBitrateBps: number;
  /** What is expected until it is measured. */
  readonly averageBitrateBps: number;
}

/** One encoded audio track. */
export interface AudioRung {
  /** Unique in the ladder, safe in a path: `aac-eng-128k`. */
  readonly name: string;
  readonly codec: AudioCodec;
  /** RFC 6381: `mp4a.40.2`, `opus`. */
  readonly codecs: string;
  /** The source stream that it is made from. */
  readonly sourceIndex: number;
  readonly channels: number;
  readonly bitrateBps: number;
  readonly peakBitrateBps: number;
  readonly averageBitrateBps: number;
  readonly language?: string;
  readonly title?: string;
  readonly isDefault: boolean;
  /** The same for the rungs of one rendition of the profile: all languages in one quality, `aac-1`. */
  readonly group: string;
  /** Makes the sound louder, or softer when negative; 0 dB by default. */
  readonly gainDb?: number;
}

/** All tracks to encode. Video codecs in the order of the profile, the rungs of each from the highest to the lowest. */
export interface Ladder {
  readonly video: readonly VideoRung[];
  readonly audio: readonly AudioRung[];
}

/** Longest side that is encoded, in pixels. */
const maxSide = 4096;
/** A source whose short side is at least this much above the next lower rung gets a rung of its own size. */
const worthARung = 1.15;

/**
 * Decides which tracks a source gets. A rung never has more pixels or frames than the source, sizes go by the short
 * side, and there is at least one rung for a source with video.
 *
 * Throws KerkisError `invalid` PROFILE_HAS_NO_RENDITIONS when the profile names none for what the source has.
 */
export function planLadder(source: SourceInfo, grid: Grid, profile: EncodingProfile): Ladder {
  const video =
    source.video === undefined || grid.video === undefined
      ? []
      : videoRungs(source.video, grid, profile, grid.video.frameRate);
  const audio = source.audios.flatMap((stream) =>
    profile.audio.flatMap((wanted, index) =>
      isEnoughWithout(stream, wanted, profile.audio)
        ? []
        : audioRung(stream, wanted, `${wanted.codec}-${index + 1}`),
    ),
  );
  if (video.length + audio.length === 0) {
    throw new KerkisError(
      'invalid',
      'PROFILE_HAS_NO_RENDITIONS',
      `Profile ${profile.name} makes no track of this source. Add a video or audio rendition to it.`,
    );
  }
  return { video: withUniqueNames(video), audio: withUniqueNames(audio) };
}

function videoRungs(
  video: VideoSource,
  grid: Grid,
  profile: EncodingProfile,
  frameRate: Rational,
): VideoRung[] {
  const byCodec = Map.groupBy(profile.renditions, ({ codec }) => codec);
  return [...byCodec.values()].flatMap((renditions) =>
    chosenRenditions(video, renditions).map((rendition) =>
      videoRung(video, grid, profile, frameRate, rendition),
    ),
  );
}

/** What of one codec's ladder suits the source, from the highest to the lowest. */
function chosenRenditions(video: VideoSource, renditions: readonly Rendition[]): Rendition[] {
  const shortSide = Math.min(video.displayWidth, video.displayHeight);
  const wanted = [...renditions].sort((a, b) => a.height - b.height);
  const chosen = wanted.filter((rendition) => rendition.height <= shortSide);
  const next = wanted[chosen.length];
  if (next !== undefined && shortSide >= (chosen.at(-1)?.height ?? 0) * worthARung) chosen.push(next);
  return chosen.reverse();
}

function videoRung(
  video: VideoSource,
  grid: Grid,
  profile: EncodingProfile,
  gridRate: Rational,
  rendition: Rendition,
): VideoRung {
  const { codec } = rendition;
  const size = fitSize(video, rendition.height, minSideOf(codec));
  const frameRateDivisor = divisorFor(grid, gridRate, rendition.frameRate);
  const frameRate = rational(gridRate.num, gridRate.den * frameRateDivisor);
  const shortSide = Math.min(size.width, size.height);
  const { maxBitrateBps } = rendition;
  const bufferBits = maxBitrateBps;
  const coding = videoCoding(codec, { ...size, frameRate, maxBitrateBps, bufferBits });
  const containerBps = 8_000 + 128 * toNumber(frameRate);
  return {
    name: rendition.name ?? `${codec}-${shortSide}p`,
    ...coding,
    ...size,
    frameRate,
    frameRateDivisor,
    crf: rendition.crf ?? defaultCrf(codec),
    preset: profile.preset,
    maxBitrateBps,
    bufferBits,
    // A segment starts with a full buffer at most, so it takes its length at the maximum rate and one buffer more.
    peakBitrateBps: Math.ceil(maxBitrateBps + bufferBits / toNumber(grid.segmentSeconds) + containerBps),
    averageBitrateBps: Math.ceil((rendition.videoBitrateBps ?? maxBitrateBps * 0.6) + containerBps),
  };
}

/** Even size in square pixels with the source's shape, its short side `shortSide` or the source's own if that is less. */
export function fitSize(
  video: Pick<VideoSource, 'displayWidth' | 'displayHeight'>,
  shortSide: number,
  minSide = minSideOf('h264'),
): { width: number; height: number } {
  const { displayWidth, displayHeight } = video;
  const short = Math.min(displayWidth, displayHeight);
  const long = Math.max(displayWidth, displayHeight);
  let factor = Math.min(1, shortSide / short, maxSide / long);
  if (short * factor < minSide) factor = Math.min(minSide / short, maxSide / long);
  // Even, and not a pixel more than the source has.
  const even = (length: number) =>
    Math.min(2 * Math.round((length * factor) / 2), 2 * Math.floor((length * Math.max(1, factor)) / 2));
  const side = (length: number) => Math.min(maxSide, Math.max(minSide, even(length)));
  return { width: side(displayWidth), height: side(displayHeight) };
}

/** A divisor that brings the grid to the wanted rate and still cuts at the same moments; 1 when there is none. */
function divisorFor(grid: Grid, gridRate: Rational, wanted: number | undefined): number {
  if (wanted === undefined || grid.video === undefined) return 1;
  const divisor = Math.max(1, Math.ceil(toNumber(gridRate) / wanted - 0.01));
  return grid.video.framesPerSegment % divisor === 0 ? divisor : 1;
}

/** AAC's channel configuration 7 is no layout that films have; Opus has 7.1. */
const mostChannels: Readonly<Record<AudioCodec, number>> = { aac: 6, opus: 8 };

/** Whether a rendition wants more channels than there are, and the profile has its codec with fewer. */
function isEnoughWithout(
  stream: AudioSource,
  wanted: AudioRendition,
  all: readonly AudioRendition[],
): boolean {
  return (
    wanted.channels > stream.channels &&
    all.some(({ codec, channels }) => codec === wanted.codec && channels < wanted.channels)
  );
}

function audioRung(stream: AudioSource, wanted: AudioRendition, group: string): AudioRung {
  const most = Math.min(wanted.channels, mostChannels[wanted.codec]);
  const channels = Math.max(1, Math.min(most, stream.channels));
  const bitrateBps = Math.round((wanted.bitrateBps * channels) / most);
  const language = stream.language ?? 'und';
  return {
    name: wanted.name ?? `${wanted.codec}-${language}-${Math.round(bitrateBps / 1000)}k`,
    codec: wanted.codec,
    codecs: wanted.codec === 'opus' ? 'opus' : 'mp4a.40.2',
    sourceIndex: stream.index,
    channels,
    bitrateBps,
    // ffmpeg's AAC encoder keeps its rate over a few frames only, and so does Opus with constrained VBR; the fragment adds about 4
    // bytes a frame.
    peakBitrateBps: Math.ceil(bitrateBps * 1.25 + 4_000),
    averageBitrateBps: Math.ceil(bitrateBps + 2_500),
    ...(stream.language === undefined ? {} : { language: stream.language }),
    ...(stream.title === undefined ? {} : { title: stream.title }),
    isDefault: stream.isDefault,
    group,
  };
}

function withUniqueNames<T extends { readonly name: string }>(rungs: readonly T[]): T[] {
  const taken = new Set<string>();
  return rungs.map((rung) => {
    let name = rung.name;
    for (let n = 2; taken.has(name); n++) name = `${rung.name}-${n}`;
    taken.add(name);
    return { ...rung, name };
  });
}
