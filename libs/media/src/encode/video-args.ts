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
  const { source, grid } = plan;
  if (source.video === undefined || grid.video === undefined) {
    throw new KerkisError('invalid', 'UNIT_INVALID', 'The source has no video.');
  }
  const first = firstVideoFrame(grid, unit.firstSegment);
  const end = firstVideoFrame(grid, unit.firstSegment + unit.segmentCount);
  const target = toSourceSeconds(source.timeline, first / toNumber(grid.video.frameRate));
  const { threads } = settings;
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
    ...['-filter_complex_threads', `${threads}`, '-max_error_rate', '1'],
    ...videoSeekArgs(source, target),
    ...['-noautorotate', '-threads', `${threads}`, '-an', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
    ...['-filter_complex', videoGraph(plan, source.video, grid.video, rungs, { first, end })],
    ...rungs.flatMap((rung, index) => rungArgs(rung, grid.video as VideoGrid, index, threads)),
  ];
}

interface FrameRange {
  readonly first: number;
  readonly end: number;
}

/** Decoded pictures → the frames of the unit → one chain for each rung, labelled `v0`, `v1`, … */
function videoGraph(
  { source }: MediaPlan,
  video: VideoSource,
  grid: VideoGrid,
  rungs: readonly VideoRung[],
  range: FrameRange,
): string {
  const shared = video.isInterlaced
    ? ['bwdif=deint=interlaced', `settb=${formatRational(video.timeBase)}`]
    : [];
  shared.push(...gridFrames(source.timeline, video, grid, range));
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
  return [`[0:${video.index}]${[...shared, split].join(',')}`, ...chains].join(';');
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
