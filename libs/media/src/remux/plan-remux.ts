import { approximateRate } from '../plan/frame-rate.ts';
import type { Grid, SegmentRun } from '../plan/grid.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { EncodingProfile } from '../plan/profile.ts';
import type { CopyableVideo, SourceInfo, VideoSource } from '../probe/source-info.ts';
import { type Rational, toNumber } from '../rational.ts';
import { cutAtKeyframes } from './segment-runs.ts';

/** The source's own pictures as a track, cut at its keyframes. Made without ffmpeg. */
export interface RemuxRung {
  /** Unique in the ladder, safe in a path: `h264-1080p`. */
  readonly name: string;
  /** RFC 6381: `avc1.640028`. */
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  /** On average. */
  readonly frameRate: Rational;
  readonly frameCount: number;
  /** Ticks per second of this track; not that of the grid. */
  readonly timescale: number;
  /** Exact durations of all segments in ticks; not those of the grid. */
  readonly segments: readonly SegmentRun[];
  /** Measured: the most that a segment takes, container included. */
  readonly peakBitrateBps: number;
  /** Measured. */
  readonly averageBitrateBps: number;
  /** Number of the track in the file. */
  readonly trackId: number;
  /** Source time stamp in ticks of presentation time zero. */
  readonly startTicks: number;
  /** How far decoding must be ahead of presentation, in ticks. */
  readonly reorderTicks: number;
}

/** A remuxed rung and the encoded one in whose place it is. */
export interface PlannedRemux {
  readonly rung: RemuxRung;
  readonly replaces: VideoRung;
}

/** A source may exceed the mean that a rung allows by this much, and its segments by that much. */
const mostOfMean = 1.25;
const mostOfPeak = 3;
/** Longest segment that players are asked to wait for. */
const maxSegmentSeconds = 10;
/** How long the first picture may stand before the second, or the last one until the sound ends. */
const maxStillSeconds = 2;
/** A source this much larger than the rung below takes that rung's place, since it has none of its own size. */
const nearlySameSize = 1.15;

/**
 * Finds the rung that the source already is: H.264, upright, in square samples, progressive, SDR, 4:2:0 with 8 bits, closed groups of
 * pictures of bearable length, in a size and at a rate and bitrate that the rung would have. Undefined when there is none.
 */
export function planRemux(
  source: SourceInfo,
  grid: Grid,
  profile: EncodingProfile,
  rungs: readonly VideoRung[],
): PlannedRemux | undefined {
  const { video } = source;
  if (video?.copyable === undefined || !isDeliverable(video) || source.timeline.gaps.length > 0)
    return undefined;
  const replaces = rungOf(video, rungs);
  if (replaces === undefined || !isRateOf(video, video.copyable, grid, profile, replaces)) return undefined;
  const { copyable } = video;
  const ticks = (seconds: number) => Math.round(seconds * copyable.timescale);
  const startTicks = ticks(source.timeline.startSeconds);
  const cut = cutAtKeyframes(copyable, {
    leadTicks: copyable.firstTicks - startTicks,
    endTicks: Math.max(ticks(source.durationSeconds), ticks(video.endSeconds) - startTicks),
    segmentTicks: ticks(profile.segmentSeconds),
  });
  const stillTicks = ticks(maxStillSeconds);
  const lastTicks = ticks(video.lastFrameSeconds) - startTicks;
  const endTicks = cut.segments.reduce((sum, { count, duration }) => sum + count * duration, 0);
  const isBearable =
    copyable.firstTicks - startTicks >= 0 &&
    copyable.firstTicks - startTicks <= stillTicks &&
    endTicks > lastTicks &&
    endTicks - lastTicks <= stillTicks &&
    cut.longestTicks <= ticks(maxSegmentSeconds) &&
    cut.averageBitrateBps <= replaces.maxBitrateBps * mostOfMean &&
    cut.peakBitrateBps <= replaces.maxBitrateBps * mostOfPeak;
  if (!isBearable) return undefined;
  const { width, height } = video;
  return {
    replaces,
    rung: {
      name: nameOf(video, replaces, rungs),
      codecs: copyable.codecs,
      width,
      height,
      frameRate: video.isVariableFrameRate ? approximateRate(averageRate(video, copyable)) : video.frameRate,
      frameCount: copyable.frameCount,
      timescale: copyable.timescale,
      segments: cut.segments,
      peakBitrateBps: cut.peakBitrateBps,
      averageBitrateBps: cut.averageBitrateBps,
      trackId: copyable.trackId,
      startTicks,
      reorderTicks: copyable.reorderTicks,
    },
  };
}

function isDeliverable(video: VideoSource): boolean {
  const {
    sampleAspectRatio: { num, den },
  } = video;
  return (
    video.codec === 'h264' &&
    ['yuv420p', 'yuvj420p'].includes(video.pixelFormat) &&
    video.rotation === 0 &&
    !video.isMirrored &&
    !video.isInterlaced &&
    video.hdr === undefined &&
    num === den
  );
}

/** The rung of the source's size, or the highest one if the source is hardly larger. */
function rungOf(video: VideoSource, rungs: readonly VideoRung[]): VideoRung | undefined {
  const candidates = rungs.filter(
    (rung) => rung.codec === 'h264' && rung.frameRateDivisor === 1 && rung.isAlwaysEncoded !== true,
  );
  const same = candidates.find(({ width, height }) => width === video.width && height === video.height);
  if (same !== undefined) return same;
  const highest = rungs.find(({ codec }) => codec === 'h264');
  const isHardlyLarger =
    highest !== undefined &&
    video.height > highest.height &&
    shortSide(video) < shortSide(highest) * nearlySameSize;
  return isHardlyLarger ? candidates.find((rung) => rung === highest) : undefined;
}

function isRateOf(
  video: VideoSource,
  copyable: CopyableVideo,
  grid: Grid,
  { maxFrameRate = 60 }: EncodingProfile,
  rung: VideoRung,
): boolean {
  const rate = toNumber(rung.frameRate);
  const highest = video.isVariableFrameRate ? maxFrameRate : rate;
  return (
    grid.video !== undefined &&
    rate >= toNumber(video.frameRate) * 0.999 &&
    averageRate(video, copyable) <= highest * 1.01
  );
}

function averageRate({ endSeconds, startSeconds }: VideoSource, { frameCount }: CopyableVideo): number {
  return frameCount / Math.max(1e-3, endSeconds - startSeconds);
}

/** That of the rung, with the size of the source where it goes by the size. */
function nameOf(video: VideoSource, rung: VideoRung, rungs: readonly VideoRung[]): string {
  const own = `h264-${shortSide(video)}p`;
  const isFree = rungs.every(({ name }) => name !== own);
  return isFree && rung.name === `h264-${shortSide(rung)}p` ? own : rung.name;
}

const shortSide = ({ width, height }: { readonly width: number; readonly height: number }) =>
  Math.min(width, height);
