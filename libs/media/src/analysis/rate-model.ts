import type { VideoRung } from '../plan/ladder.ts';
import type { VideoCodec } from '../plan/profile.ts';
import { defaultCrf } from '../plan/video-coding.ts';
import type { MeanScore } from './frame-scores.ts';
import type { ContentLook, LookAtSize, LookSample } from './look-at-content.ts';

/** Steps of x264's constant rate factor for one step of a codec: 0–51 in H.264 and HEVC, 0–63 in VP9 and AV1. */
const crfScale: Readonly<Record<VideoCodec, number>> = { h264: 1, hevc: 1, vp9: 0.75, av1: 0.75 };
/** Bytes at default qualities against H.264, measured as told at `defaultCrf`. */
const byteFactor: Readonly<Record<VideoCodec, number>> = { h264: 1, hevc: 0.74, vp9: 1.11, av1: 1.02 };

/** x264's constant rate factor that is about as good as the planned one of a rung, whatever its codec. */
export function likeH264({ codec, crf }: Pick<VideoRung, 'codec' | 'crf'>): number {
  const factor = defaultCrf('h264') + (crf - defaultCrf(codec)) * crfScale[codec];
  return Math.max(1, Math.min(51, Math.round(factor * 4) / 4));
}

/** What is expected of one rung at one place. */
export interface Expected {
  /** Mean rate of a segment. */
  readonly bitrateBps: number;
  /** Rate of a segment with a second picture that stands alone, as after a cut to another scene. */
  readonly hardBitrateBps: number;
  /** Bits of a second with two such pictures, which a buffer must bear. */
  readonly hardSecondBits: number;
  readonly ownPsnrDb: number;
  readonly ownSsim: number;
  readonly shownPsnrDb: number;
  readonly shownSsim: number;
}

/** The size of a rung in a look. */
export function sizeOf(look: ContentLook, rung: VideoRung): LookAtSize | undefined {
  return look.sizes.find(
    (size) =>
      size.width === rung.width &&
      size.height === rung.height &&
      size.frameRateDivisor === rung.frameRateDivisor,
  );
}

/**
 * What a rung takes and gives at each place when its constant rate factor is `worse` steps higher: bits between the two that were tried on a
 * logarithmic scale, PSNR and SSIM on a straight one.
 */
export function expectedAt(look: ContentLook, size: LookAtSize, rung: VideoRung, worse: number): Expected[] {
  const [good, poor] = size.points;
  if (good === undefined || poor === undefined) return [];
  const crf = likeH264(rung) + worse * crfScale[rung.codec];
  const part = poor.crf === good.crf ? 0 : (crf - good.crf) / (poor.crf - good.crf);
  const frames = Math.max(1, look.framesPerSegment / size.frameRateDivisor);
  const seconds = look.framesPerSegment / look.frameRate;
  return good.samples.map((sample, place) => {
    const other = poor.samples[place] ?? sample;
    const line = (of: (sample: LookSample) => number) => of(sample) + part * (of(other) - of(sample));
    const bits = (of: (sample: LookSample) => number) => {
      const [from, to] = [Math.max(1, of(sample)), Math.max(1, of(other))];
      return byteFactor[rung.codec] * from * (to / from) ** part;
    };
    const first = bits(({ firstBits }) => firstBits);
    const rest = bits(({ restBits }) => restBits);
    const segment = first + (frames - 1) * rest;
    return {
      bitrateBps: segment / seconds,
      hardBitrateBps: (segment + (frames > 1 ? first : 0)) / seconds,
      hardSecondBits: 2 * first + (frames / seconds) * rest,
      ownPsnrDb: line(({ own }) => own.psnrDb),
      ownSsim: line(({ own }) => own.ssim),
      shownPsnrDb: line(({ shown }) => shown.psnrDb),
      shownSsim: line(({ shown }) => shown.ssim),
    };
  });
}

/** How good a rung looks scaled up, at each place, within a rate. Not told beyond the qualities that were tried. */
export function shownWithin(
  look: ContentLook,
  size: LookAtSize,
  rung: VideoRung,
  bitrateBps: number,
): MeanScore[] {
  const [planned, worst] = [0, 6 / crfScale[rung.codec]].map((worse) => expectedAt(look, size, rung, worse));
  return (planned ?? []).map((good, place) => {
    const poor = worst?.[place] ?? good;
    const octaves = Math.log2(good.bitrateBps / poor.bitrateBps);
    const below = octaves <= 0 ? 0 : Math.log2(good.bitrateBps / bitrateBps) / octaves;
    const part = Math.max(0, Math.min(1, below));
    return {
      psnrDb: good.shownPsnrDb + part * (poor.shownPsnrDb - good.shownPsnrDb),
      ssim: good.shownSsim + part * (poor.shownSsim - good.shownSsim),
    };
  });
}

/** How far below the rates that were tried a curve is drawn out, in octaves. */
const drawnOut = 1;

/** How good a rung looks scaled up in the mean of all places if its quality is set for a mean rate; undefined too far from what was tried. */
export function meanShownAt(
  look: ContentLook,
  size: LookAtSize,
  rung: VideoRung,
  bitrateBps: number,
): number | undefined {
  const points = [0, 6 / crfScale[rung.codec]].map((worse) => {
    const expected = expectedAt(look, size, rung, worse);
    return {
      octave: Math.log2(meanOf(expected, (each) => each.bitrateBps)),
      psnrDb: meanOf(expected, (each) => each.shownPsnrDb),
    };
  });
  const [good, poor] = points;
  if (good === undefined || poor === undefined || good.octave - poor.octave < 0.1) return undefined;
  const octave = Math.log2(bitrateBps);
  if (octave < poor.octave - drawnOut || octave > good.octave) return undefined;
  const part = (octave - poor.octave) / (good.octave - poor.octave);
  return poor.psnrDb + part * (good.psnrDb - poor.psnrDb);
}

/** Mean of one value of all places. */
export function meanOf<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((sum, value) => sum + of(value), 0) / Math.max(1, values.length);
}
