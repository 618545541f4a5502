import { KerkisError } from '@kerkis/errors';
import type { SourceInfo } from '../probe/source-info.ts';
import { greatestCommonDivisor, type Rational, toNumber } from '../rational.ts';
import { capFrameRate } from './frame-rate.ts';
import type { AudioCodec } from './profile.ts';

/** How video is cut. Presentation time of frame `n` is exactly `n × ticksPerFrame / timescale` seconds. */
export interface VideoGrid {
  readonly frameRate: Rational;
  /** Frames of every segment but the last, and the first two where there is a lead. */
  readonly framesPerSegment: number;
  /** Frames of the first segment where it is a part of a usual one, so that it is there sooner; the second one is what is left of that. */
  readonly leadFrames?: number;
  readonly frameCount: number;
  /** Ticks per second of encoded video tracks. */
  readonly timescale: number;
  readonly ticksPerFrame: number;
}

/** How audio is cut. Presentation time of frame `n` is exactly `n × samplesPerFrame / sampleRate` seconds. */
export interface AudioGrid {
  /** Samples per second, which is also the timescale of audio tracks. */
  readonly sampleRate: number;
  readonly samplesPerFrame: number;
  readonly frameCount: number;
}

/** How a generation is cut into segments; the same for all its tracks. Segment `k` counts from zero. */
export interface Grid {
  readonly segmentCount: number;
  /** Usual length of a segment in seconds, exact. */
  readonly segmentSeconds: Rational;
  /** Absent for audio-only sources. */
  readonly video?: VideoGrid;
  /** AAC frames. Absent for silent sources and where only Opus is made. */
  readonly audio?: AudioGrid;
  /** Opus frames. Absent where no Opus is made. */
  readonly opus?: AudioGrid;
}

/** `count` segments of `duration` ticks each, in a row. */
export interface SegmentRun {
  readonly count: number;
  readonly duration: number;
}

/** Choices of the profile that shape the grid. */
export interface GridOptions {
  /** Length that segments aim at; at least 1. */
  readonly segmentSeconds: number;
  /** Length that the first segment of pictures aims at, where that is at most half of the others; like the others by default. */
  readonly firstSegmentSeconds?: number | undefined;
  /** Highest rates of slower tracks, which keep each n-th frame of the grid: segments begin with one that they keep. */
  readonly slowerRates?: readonly number[];
  /** Highest frame rate; 60 by default. */
  readonly maxFrameRate?: number;
  /** Audio codecs that are made, each with a grid of its own; `aac` by default. */
  readonly audioCodecs?: readonly AudioCodec[];
}

/** Frames of a codec before their number is known. */
type AudioFrames = Omit<AudioGrid, 'frameCount'>;

/**
 * Cuts the presentation of a source into segments.
 *
 * Throws KerkisError `invalid` GRID_OPTIONS_INVALID when `segmentSeconds` is not between 1 and 60.
 */
export function planGrid(source: SourceInfo, options: GridOptions): Grid {
  const { segmentSeconds } = options;
  if (!(segmentSeconds >= 1 && segmentSeconds <= 60)) {
    throw new KerkisError('invalid', 'GRID_OPTIONS_INVALID', 'Segment seconds must be between 1 and 60.');
  }
  const frames = audioFrames(source, options.audioCodecs ?? []);
  if (source.video === undefined) return audioOnlyGrid(source, frames, segmentSeconds);
  const frameRate = capFrameRate(source.video.frameRate, options.maxFrameRate ?? 60);
  const frameCount = Math.max(1, Math.round(source.durationSeconds * toNumber(frameRate) - 1e-6));
  const framesPerSegment = Math.max(1, Math.round(segmentSeconds * toNumber(frameRate)));
  const leadFrames = leadOf(frameRate, framesPerSegment, options);
  const hasLead = leadFrames !== undefined && leadFrames < frameCount;
  const grid: Grid = {
    segmentCount: Math.ceil(frameCount / framesPerSegment) + Number(hasLead),
    segmentSeconds: { num: framesPerSegment * frameRate.den, den: frameRate.num },
    video: {
      frameRate,
      framesPerSegment,
      ...(hasLead && { leadFrames }),
      frameCount,
      ...timescaleOf(frameRate),
    },
  };
  return withAudio(grid, frames, (frameCount * frameRate.den) / frameRate.num);
}

/** Frames of a first segment that all tracks can cut at; undefined when it would not be short. */
function leadOf(
  frameRate: Rational,
  framesPerSegment: number,
  { firstSegmentSeconds, slowerRates = [] }: GridOptions,
): number | undefined {
  if (firstSegmentSeconds === undefined) return undefined;
  const divisors = slowerRates.map((rate) => frameRateDivisor(frameRate, framesPerSegment, rate));
  const step = divisors.reduce((a, b) => (a * b) / greatestCommonDivisor(a, b), 1);
  const frames = step * Math.max(1, Math.round((firstSegmentSeconds * toNumber(frameRate)) / step));
  return 2 * frames <= framesPerSegment ? frames : undefined;
}

/** A divisor that brings a rate down to the wanted one and cuts segments of so many frames at the same moments; 1 when there is none. */
export function frameRateDivisor(rate: Rational, framesPerSegment: number, wanted: number): number {
  const divisor = Math.max(1, Math.ceil(toNumber(rate) / wanted - 0.01));
  return framesPerSegment % divisor === 0 ? divisor : 1;
}

/** How many segments at the start are shorter than the usual ones: each is encoded by itself. */
export const oddSegments = ({ video }: Grid): number => (video?.leadFrames === undefined ? 0 : 2);

/** Where segment `index` begins, in seconds; exact. */
function boundary({ segmentSeconds, video }: Grid, index: number): Rational {
  if (video === undefined) return { num: index * segmentSeconds.num, den: segmentSeconds.den };
  return { num: boundaryFrame(video, index) * video.frameRate.den, den: video.frameRate.num };
}

function boundaryFrame({ framesPerSegment, leadFrames }: VideoGrid, index: number): number {
  if (leadFrames === undefined || index === 0) return index * framesPerSegment;
  return index === 1 ? leadFrames : (index - 1) * framesPerSegment;
}

/** The frames of an audio codec. Throws KerkisError `internal` GRID_HAS_NO_AUDIO when the grid has none. */
export function audioGrid(grid: Grid, codec: AudioCodec): AudioGrid {
  const found = codec === 'opus' ? grid.opus : grid.audio;
  if (found === undefined)
    throw new KerkisError('internal', 'GRID_HAS_NO_AUDIO', 'The grid has no such audio.');
  return found;
}

/** Adds grids that cover `seconds`, with at least one frame in the last segment. */
function withAudio(grid: Grid, frames: Partial<Record<AudioCodec, AudioFrames>>, seconds: number): Grid {
  const covering = (each: AudioFrames): AudioGrid => {
    const rate = each.sampleRate / each.samplesPerFrame;
    const lastStart = Math.round(toNumber(boundary(grid, grid.segmentCount - 1)) * rate);
    return { ...each, frameCount: Math.max(Math.ceil(seconds * rate - 1e-6), lastStart + 1) };
  };
  return {
    ...grid,
    ...(frames.aac && { audio: covering(frames.aac) }),
    ...(frames.opus && { opus: covering(frames.opus) }),
  };
}

/** First frame of video segment `index`, of a track that keeps each `divisor`-th frame; the total for `segmentCount`. */
export function firstVideoFrame(grid: Grid, index: number, divisor = 1): number {
  const video = requireVideo(grid);
  return Math.ceil(Math.min(boundaryFrame(video, index), video.frameCount) / divisor);
}

/** First frame of audio segment `index`: the one nearest to the segment boundary; the total for `segmentCount`. */
export function firstAudioFrame(grid: Grid, index: number, codec: AudioCodec = 'aac'): number {
  const audio = audioGrid(grid, codec);
  if (index >= grid.segmentCount) return audio.frameCount;
  const start = boundary(grid, index);
  const ideal = (start.num * audio.sampleRate) / start.den;
  return Math.min(audio.frameCount, Math.round(ideal / audio.samplesPerFrame));
}

/** Exact durations of all segments of a video track in ticks of the grid's timescale. */
export function videoSegmentRuns(grid: Grid, divisor = 1): SegmentRun[] {
  const ticks = requireVideo(grid).ticksPerFrame * divisor;
  return runs(
    grid.segmentCount,
    (index) => (firstVideoFrame(grid, index + 1, divisor) - firstVideoFrame(grid, index, divisor)) * ticks,
  );
}

/** Exact durations of all segments of an audio track in samples. */
export function audioSegmentRuns(grid: Grid, codec: AudioCodec = 'aac'): SegmentRun[] {
  const { samplesPerFrame: samples } = audioGrid(grid, codec);
  return runs(
    grid.segmentCount,
    (index) => (firstAudioFrame(grid, index + 1, codec) - firstAudioFrame(grid, index, codec)) * samples,
  );
}

function runs(segmentCount: number, durationOf: (index: number) => number): SegmentRun[] {
  const result: { count: number; duration: number }[] = [];
  for (let index = 0; index < segmentCount; index++) {
    const duration = durationOf(index);
    const last = result.at(-1);
    if (last?.duration === duration) last.count++;
    else result.push({ count: 1, duration });
  }
  return result;
}

/** Sound alone is cut at frames of the first codec that there is: AAC before Opus. */
function audioOnlyGrid(
  source: SourceInfo,
  frames: Partial<Record<AudioCodec, AudioFrames>>,
  segmentSeconds: number,
): Grid {
  const main = frames.aac ?? frames.opus;
  if (main === undefined) {
    throw new KerkisError(
      'unsupported',
      'SOURCE_NO_PLAYABLE_STREAMS',
      'The source has neither video nor audio.',
    );
  }
  const { sampleRate, samplesPerFrame } = main;
  const frameCount = Math.max(1, Math.ceil((source.durationSeconds * sampleRate) / samplesPerFrame - 1e-6));
  const framesPerSegment = Math.max(1, Math.round((segmentSeconds * sampleRate) / samplesPerFrame));
  const grid: Grid = {
    segmentCount: Math.ceil(frameCount / framesPerSegment),
    segmentSeconds: { num: framesPerSegment * samplesPerFrame, den: sampleRate },
  };
  return withAudio(grid, frames, source.durationSeconds);
}

/**
 * AAC keeps 44.1 kHz when all audio has it, so that nothing is resampled; everything else becomes 48 kHz, which Opus always is, in
 * frames of 20 ms.
 */
function audioFrames(
  source: SourceInfo,
  codecs: readonly AudioCodec[],
): Partial<Record<AudioCodec, AudioFrames>> {
  if (source.audios.length === 0) return {};
  const sampleRate = source.audios.every((audio) => audio.sampleRate === 44_100) ? 44_100 : 48_000;
  return {
    ...((codecs.includes('aac') || codecs.length === 0) && { aac: { sampleRate, samplesPerFrame: 1024 } }),
    ...(codecs.includes('opus') && { opus: { sampleRate: 48_000, samplesPerFrame: 960 } }),
  };
}

/** 90 kHz where a frame then has whole ticks, else the numerator of the rate or a multiple of it, at least 10,000. */
function timescaleOf(rate: Rational): { timescale: number; ticksPerFrame: number } {
  if (rate.num >= 10_000) return { timescale: rate.num, ticksPerFrame: rate.den };
  const factor = 90_000 % rate.num === 0 ? 90_000 / rate.num : Math.ceil(10_000 / rate.num);
  return { timescale: rate.num * factor, ticksPerFrame: rate.den * factor };
}

function requireVideo(grid: Grid): VideoGrid {
  if (grid.video === undefined)
    throw new KerkisError('internal', 'GRID_HAS_NO_VIDEO', 'The grid has no video.');
  return grid.video;
}
