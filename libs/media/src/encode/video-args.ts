import { KerkisError } from '@kerkis/errors';
import { firstVideoFrame, type VideoGrid } from '../plan/grid.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import {
  type Timeline,
  toPresentationSeconds,
  toSourceSeconds,
  type VideoSource,
} from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { formatRational, toNumber } from '../rational.ts';
import { toneMap, toneMapped, toOutputSize } from './picture-filters.ts';
import { presentationTicks, videoSeekArgs } from './seek.ts';
import { unitVideoRungs, type VideoUnit } from './unit.ts';
import { videoCodecArgs } from './video-codec-args.ts';

/** How to read the source and how hard to work. */
export interface EncodeSettings {
  /** Absolute path of the source. */
  readonly sourcePath: string;
  /** Threads of each decoder, encoder and filter; the same for all units, so that their init segments are equal. */
  readonly threads: number;
  readonly maxPixels: number;
  readonly maxStreams: number;
}

/**
 * Arguments of the ffmpeg that encodes a video unit: one decode, each rung as fragmented MP4 on its own pipe from file
 * descriptor 3 on, in the order of `unit.rungs`, progress on standard output. Exactly the frames of the unit come out,
 * the same ones that a run over the whole source would give.
 */
export function videoUnitArgs(plan: MediaPlan, unit: VideoUnit, settings: EncodeSettings): string[] {
  const rungs = unitVideoRungs(plan, unit);
  const { video, grid } = requireVideo(plan);
  const first = firstVideoFrame(plan.grid, unit.firstSegment);
  const end = firstVideoFrame(plan.grid, unit.firstSegment + unit.segmentCount);
  const { threads } = settings;
  const frames = frameFilters(plan, { first, end });
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
    ...['-filter_complex_threads', `${threads}`, '-max_error_rate', '1'],
    ...videoInputArgs(plan, first, settings),
    ...['-filter_complex', `[0:${video.index}]${frames.join(',')},${rungChains(plan, rungs)}`],
    ...rungs.flatMap((rung, index) => rungArgs(rung, grid, index, threads)),
  ];
}

/** Frames of the grid: the first one, and the one after the last. */
export interface FrameRange {
  readonly first: number;
  readonly end: number;
}

/**
 * Options of an input that is the source, so that the pictures from grid frame `first` on can be had from it. Throws KerkisError
 * `invalid` UNIT_INVALID when the plan has no video, like the functions below.
 */
export function videoInputArgs(plan: MediaPlan, first: number, settings: EncodeSettings): string[] {
  const { source } = plan;
  const { grid } = requireVideo(plan);
  return [
    ...videoSeekArgs(source, toSourceSeconds(source.timeline, first / toNumber(grid.frameRate))),
    ...['-noautorotate', '-threads', `${settings.threads}`, '-an', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
  ];
}

/** Filters from decoded pictures to exactly the frames of the range, whose time stamps count from zero. */
export function frameFilters(plan: MediaPlan, range: FrameRange): string[] {
  const { video, grid } = requireVideo(plan);
  const deinterlace = ['bwdif=deint=interlaced', `settb=${formatRational(video.timeBase)}`];
  return [
    ...(video.isInterlaced ? deinterlace : []),
    ...gridFrames(plan.source.timeline, video, grid, range),
  ];
}

/** What follows `frameFilters` in a filter graph: one chain for each rung, labelled `v0`, `v1`, … */
export function rungChains(plan: MediaPlan, rungs: readonly VideoRung[]): string {
  const { video } = requireVideo(plan);
  const shared: string[] = [];
  let input = video;
  const largest = rungs.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  if (video.hdr !== undefined) {
    shared.push(...toneMap(video, largest));
    input = toneMapped(video, largest);
  }
  const chains = rungs.map((rung, index) => {
    const filters = [...slower(rung), ...toOutputSize(input, rung)];
    return `[s${index}]${filters.join(',')}[v${index}]`;
  });
  const split = `split=${rungs.length}${rungs.map((_, index) => `[s${index}]`).join('')}`;
  return [[...shared, split].join(','), ...chains].join(';');
}

function requireVideo({ source, grid }: MediaPlan): { video: VideoSource; grid: VideoGrid } {
  if (source.video === undefined || grid.video === undefined) {
    throw new KerkisError('invalid', 'UNIT_INVALID', 'The source has no video.');
  }
  return { video: source.video, grid: grid.video };
}

/** Keeps each n-th frame for a rung with a lower rate. */
function slower({ frameRateDivisor, frameRate }: VideoRung): string[] {
  return frameRateDivisor === 1
    ? []
    : [`framestep=${frameRateDivisor}`, `settb=1/(${formatRational(frameRate)})`];
}

/**
 * The heart of chunks that join: frame `n` of the grid is the last picture whose rounded presentation time is at most
 * `n`, wherever decoding began. Pictures from before the unit are all moved to the frame before it, so that a long
 * still picture is not repeated for nothing; the last picture of the source is never moved, because `fps` would drop it
 * with the end of the source before it, and is repeated for what comes after.
 */
function gridFrames(
  timeline: Timeline,
  video: VideoSource,
  grid: VideoGrid,
  { first, end }: FrameRange,
): string[] {
  const ticksPerSecond = video.timeBase.den / video.timeBase.num;
  const framesPerSecond = toNumber(grid.frameRate);
  const last = toPresentationSeconds(timeline, video.lastFrameSeconds) - 1 / framesPerSecond;
  const before = Math.round(Math.min((first - 1) / framesPerSecond, last) * ticksPerSecond);
  return [
    `setpts='max(${presentationTicks(timeline, ticksPerSecond)},${before})'`,
    // Frames before the first picture show the first picture.
    `fps=${formatRational(grid.frameRate)}${first === 0 ? ':start_time=0' : ''}`,
    'tpad=stop=-1:stop_mode=clone',
    `trim=start_pts=${first}:end_pts=${end}`,
    `setpts=PTS-${first}`,
  ];
}

function rungArgs(rung: VideoRung, grid: VideoGrid, index: number, threads: number): string[] {
  return [
    ...['-map', `[v${index}]`, '-map_metadata', '-1', '-map_chapters', '-1', '-fps_mode', 'passthrough'],
    ...videoCodecArgs(rung, grid, threads),
    ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
    ...['-flags', '+cgop+bitexact', '-fflags', '+bitexact', '-video_track_timescale', `${grid.timescale}`],
    ...['-f', 'mp4', '-movflags', '+cmaf+frag_keyframe+skip_trailer', `pipe:${index + 3}`],
  ];
}
