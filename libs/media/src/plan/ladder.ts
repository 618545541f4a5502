import { KerkisError } from '@kerkis/errors';
import type { HdrTransfer, SourceInfo, VideoSource } from '../probe/source-info.ts';
import { type Rational, rational, toNumber } from '../rational.ts';
import { planRemux, type RemuxRung } from '../remux/plan-remux.ts';
import { type AudioRung, audioRungs } from './audio-rungs.ts';
import { frameRateDivisor, type Grid } from './grid.ts';
import { resolveEncoder } from './hardware.ts';
import type { EncoderPreset, EncodingProfile, Rendition, VideoCodec, VideoEncoder } from './profile.ts';
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
  /** What encodes it, in all chunks; see `resolveEncoder`. */
  readonly encoder: VideoEncoder;
  /** 10 for HDR. */
  readonly bitDepth: 8 | 10;
  /** Luminance range, in the words of HLS. */
  readonly videoRange: VideoRange;
  readonly maxBitrateBps: number;
  readonly bufferBits: number;
  /** Most that a segment may take, container included: BANDWIDTH of HLS. */
  readonly peakBitrateBps: number;
  /** What is expected until it is measured. */
  readonly averageBitrateBps: number;
  /** Where the profile does not want the source's own samples in its place. */
  readonly isAlwaysEncoded?: true;
}

/** Luminance range of a track: standard, SMPTE ST 2084, or ARIB STD-B67. */
export type VideoRange = 'SDR' | 'PQ' | 'HLG';

/** All tracks to make. Video codecs in the order of the profile, the rungs of each from the highest to the lowest. */
export interface Ladder {
  readonly video: readonly VideoRung[];
  /** The source's own pictures, in place of an encoded rung, where they are what it would be. */
  readonly remux?: RemuxRung;
  readonly audio: readonly AudioRung[];
}

/** Longest side that is encoded, in pixels. */
const maxSide = 4096;
/** A source whose short side is at least this much above the next lower rung gets a rung of its own size. */
const worthARung = 1.15;

/**
 * Decides which tracks a source gets. A rung never has more pixels or frames than the source, sizes go by the short
 * side, and there is at least one rung for a source with video. `hardware` names the encoders that workers have.
 *
 * Throws KerkisError `invalid` PROFILE_HAS_NO_RENDITIONS when the profile names none for what the source has, or
 * RENDITION_UNSUPPORTED for HDR in a codec without.
 */
export function planLadder(
  source: SourceInfo,
  grid: Grid,
  profile: EncodingProfile,
  hardware: readonly string[] = [],
): Ladder {
  const video =
    source.video === undefined || grid.video === undefined
      ? []
      : videoRungs(source.video, grid, profile, hardware);
  const audio = source.audios.flatMap((stream) => audioRungs(stream, profile.audio));
  if (video.length + audio.length === 0) {
    throw new KerkisError(
      'invalid',
      'PROFILE_HAS_NO_RENDITIONS',
      `Profile ${profile.name} makes no track of this source. Add a video or audio rendition to it.`,
    );
  }
  const rungs = withUniqueNames(video);
  const remux = planRemux(source, grid, profile, rungs);
  return {
    video: rungs.filter((rung) => rung !== remux?.replaces),
    ...(remux && { remux: remux.rung }),
    audio: withUniqueNames(audio),
  };
}

function videoRungs(
  video: VideoSource,
  grid: Grid,
  profile: EncodingProfile,
  hardware: readonly string[],
): VideoRung[] {
  const ladders = Map.groupBy(profile.renditions, ({ codec, dynamicRange = 'sdr' }) => codec + dynamicRange);
  return [...ladders.values()].flatMap((renditions) => {
    const [first] = renditions;
    if (first === undefined || isSdrTwin(video, first, profile.renditions)) return [];
    return chosenRenditions(video, renditions).map((rendition) =>
      videoRung(video, grid, profile, rendition, hardware),
    );
  });
}

/** Of an SDR source a ladder for HDR would be the same as the ladder for SDR of its codec. */
function isSdrTwin(video: VideoSource, wanted: Rendition, all: readonly Rendition[]): boolean {
  return (
    video.hdr === undefined &&
    wanted.dynamicRange === 'source' &&
    all.some(({ codec, dynamicRange }) => codec === wanted.codec && dynamicRange !== 'source')
  );
}

/** The HDR of the source, where a rendition keeps it. */
function keptHdr(video: VideoSource, { codec, dynamicRange }: Rendition): HdrTransfer | undefined {
  if (dynamicRange !== 'source') return undefined;
  if (codec === 'hevc' || codec === 'av1') return video.hdr;
  throw new KerkisError(
    'invalid',
    'RENDITION_UNSUPPORTED',
    `HDR is kept in HEVC and AV1 only, not in ${codec}. Change the codec or the dynamic range.`,
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
  rendition: Rendition,
  hardware: readonly string[],
): VideoRung {
  const { codec } = rendition;
  const gridRate = grid.video?.frameRate ?? video.frameRate;
  const size = fitSize(video, rendition.height, minSideOf(codec));
  const { framesPerSegment = 1 } = grid.video ?? {};
  const divisor =
    rendition.frameRate === undefined ? 1 : frameRateDivisor(gridRate, framesPerSegment, rendition.frameRate);
  const frameRate = rational(gridRate.num, gridRate.den * divisor);
  const shortSide = Math.min(size.width, size.height);
  const hdr = keptHdr(video, rendition);
  const bitDepth = hdr === undefined ? 8 : 10;
  const encoder = resolveEncoder(rendition, bitDepth, hardware);
  const rate = rateOf(rendition, toNumber(grid.segmentSeconds));
  const { maxBitrateBps, bufferBits } = rate;
  const load = { ...size, frameRate, maxBitrateBps, bufferBits, hdr, isHardware: encoder !== 'software' };
  const containerBps = 8_000 + 128 * toNumber(frameRate);
  return {
    name: rendition.name ?? `${codec}-${shortSide}p${hdr === undefined ? '' : '-hdr'}`,
    ...videoCoding(codec, load),
    ...size,
    frameRate,
    frameRateDivisor: divisor,
    ...rate,
    preset: profile.preset,
    encoder,
    bitDepth,
    videoRange: hdr === undefined ? 'SDR' : hdr === 'pq' ? 'PQ' : 'HLG',
    // A segment starts with a full buffer at most, so it takes its length at the maximum rate and one buffer more.
    peakBitrateBps: Math.ceil(
      maxBitrateBps * rateExcess[codec] + bufferBits / toNumber(grid.segmentSeconds) + containerBps,
    ),
    averageBitrateBps: Math.ceil((rendition.videoBitrateBps ?? maxBitrateBps * 0.6) + containerBps),
    ...(rendition.remux === false && { isAlwaysEncoded: true }),
  };
}

/**
 * Quality below a peak, over a buffer of a second. A rung with a mean and no quality has a buffer that lets a segment have its peak
 * while no longer stretch exceeds the mean, and a quality that simple pictures only do not use up.
 */
function rateOf(rendition: Rendition, segmentSeconds: number) {
  const { codec, crf, videoBitrateBps: mean, maxBitrateBps: peak } = rendition;
  if (mean === undefined || crf !== undefined) {
    return { crf: crf ?? defaultCrf(codec), maxBitrateBps: peak, bufferBits: peak };
  }
  const bufferBits = Math.round(Math.max(mean, (peak - mean) * segmentSeconds));
  return { crf: defaultCrf(codec) - betterCrfs, maxBitrateBps: mean, bufferBits };
}

/**
 * What a segment of pure noise takes of the maximum rate, beside the buffer: libvpx and SVT-AV1 keep to a rate over many frames only,
 * and nothing makes them exceed it but noise.
 */
const rateExcess: Readonly<Record<VideoCodec, number>> = { h264: 1, hevc: 1, vp9: 1.6, av1: 1.4 };

/** Steps below the default quality at which all but simple pictures reach their mean. */
const betterCrfs = 4;

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

function withUniqueNames<T extends { readonly name: string }>(rungs: readonly T[]): T[] {
  const taken = new Set<string>();
  return rungs.map((rung) => {
    let name = rung.name;
    for (let n = 2; taken.has(name); n++) name = `${rung.name}-${n}`;
    taken.add(name);
    return { ...rung, name };
  });
}
