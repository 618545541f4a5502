import { KerkisError } from '@kerkis/errors';
import { firstVideoFrame, type VideoGrid } from '../plan/grid.ts';
import type { VideoRange, VideoRung } from '../plan/ladder.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import {
  type Timeline,
  toPresentationSeconds,
  toSourceSeconds,
  type VideoSource,
} from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { formatRational, toNumber } from '../rational.ts';
import { type Hardware, hardwareDeviceArgs, requireHardware, toHardware } from './hardware.ts';
import { deinterlaced, toHdrSize, toneMap, toneMapped, toOutputSize } from './picture-filters.ts';
import { presentationTicks, videoSeekArgs } from './seek.ts';
import { unitVideoRungs, type VideoUnit } from './unit.ts';
import { videoCodecArgs } from './video-codec-args.ts';

/** How to read the source and how hard to work. */
export interface EncodeSettings {
  /** Absolute path of the source. */
  readonly sourcePath: string;
  /** Threads of each decoder, encoder and filter; the same for all units, so that their init segments are equal. */
  readonly threads: number;
  /** How much earlier to begin decoding than what is known of the keyframes asks for; 0 by default. */
  readonly earlierSeconds?: number | undefined;
  readonly maxPixels: number;
  readonly maxStreams: number;
  /** Encoders in hardware of this machine (`findHardware`); none by default. */
  readonly hardware?: Hardware | undefined;
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
  requireHardware(rungs, settings.hardware);
  const frames = frameFilters(plan, { first, end });
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
    ...['-filter_complex_threads', `${threads}`, '-max_error_rate', '1'],
    ...hardwareDeviceArgs(rungs, settings.hardware),
    ...videoInputArgs(plan, first, settings),
    ...['-filter_complex', `[0:${video.index}]${frames.join(',')},${rungChains(plan, rungs)}`],
    ...rungs.flatMap((rung, index) => rungArgs(video, rung, grid, index, threads)),
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
    ...videoSeekArgs(
      source,
      toSourceSeconds(source.timeline, first / toNumber(grid.frameRate)),
      settings.earlierSeconds,
    ),
    ...['-noautorotate', '-threads', `${settings.threads}`, '-an', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
  ];
}

/** Filters from decoded pictures to exactly the frames of the range, whose time stamps count from zero. */
export function frameFilters(plan: MediaPlan, range: FrameRange): string[] {
  const { video, grid } = requireVideo(plan);
  return [...deinterlaced(video), ...gridFrames(plan.source.timeline, video, grid, range)];
}

/** What follows `frameFilters` in a filter graph: one chain for each rung, labelled `v0`, `v1`, … */
export function rungChains(plan: MediaPlan, rungs: readonly VideoRung[]): string {
  const { video } = requireVideo(plan);
  const sdr = rungs.filter(({ videoRange }) => videoRange === 'SDR');
  const largest = largestOf(sdr);
  if (video.hdr === undefined || largest === undefined) {
    return [fanOut([], rungs), ...sdrChains(video, rungs), ...hdrChains(video, rungs)].join(';');
  }
  const mapping = toneMap(video, largest);
  const mapped = sdrChains(toneMapped(video, largest), rungs);
  if (sdr.length === rungs.length) return [fanOut(mapping, rungs), ...mapped].join(';');
  // Rungs in HDR take pictures from before the tone mapping, of which all SDR rungs share one.
  const pads = rungs.map((rung, index) => (rung.videoRange === 'SDR' ? '' : `[s${index}]`)).join('');
  return [
    `split=${rungs.length - sdr.length + 1}[sdr]${pads}`,
    `[sdr]${fanOut(mapping, rungs, 'SDR')}`,
    ...mapped,
    ...hdrChains(video, rungs),
  ].join(';');
}

function largestOf(rungs: readonly VideoRung[]): VideoRung | undefined {
  const [first, ...rest] = rungs;
  if (first === undefined) return undefined;
  return rest.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a), first);
}

/** The filters, then a pad `s<index>` for each rung, or for those of a range. */
function fanOut(filters: readonly string[], rungs: readonly VideoRung[], range?: VideoRange): string {
  const pads = rungs.flatMap((rung, index) =>
    range === undefined || rung.videoRange === range ? [`[s${index}]`] : [],
  );
  return [...filters, `split=${pads.length}${pads.join('')}`].join(',');
}

function sdrChains(input: VideoSource, rungs: readonly VideoRung[]): string[] {
  return rungs.flatMap((rung, index) => {
    if (rung.videoRange !== 'SDR') return [];
    const filters = [...slower(rung), ...toOutputSize(input, rung), ...toHardware(rung)];
    return [`[s${index}]${filters.join(',')}[v${index}]`];
  });
}

function hdrChains(input: VideoSource, rungs: readonly VideoRung[]): string[] {
  return rungs.flatMap((rung, index) => {
    if (rung.videoRange === 'SDR') return [];
    const filters = [...slower(rung), ...toHdrSize(input, rung, 'yuv420p10le'), ...toHardware(rung)];
    return [`[s${index}]${filters.join(',')}[v${index}]`];
  });
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

function rungArgs(
  video: VideoSource,
  rung: VideoRung,
  grid: VideoGrid,
  index: number,
  threads: number,
): string[] {
  const [primaries, transfer, matrix] = colours[rung.videoRange];
  return [
    ...['-map', `[v${index}]`, '-map_metadata', '-1', '-map_chapters', '-1', '-fps_mode', 'passthrough'],
    ...videoCodecArgs(rung, grid, threads, video.hdrMetadata),
    ...['-color_primaries', primaries, '-color_trc', transfer, '-colorspace', matrix, '-color_range', 'tv'],
    ...['-flags', '+cgop+bitexact', '-fflags', '+bitexact', '-video_track_timescale', `${grid.timescale}`],
    ...['-f', 'mp4', '-movflags', '+cmaf+frag_keyframe+skip_trailer', `pipe:${index + 3}`],
  ];
}

/** Primaries, transfer and matrix by range. */
const colours: Readonly<Record<VideoRange, readonly [string, string, string]>> = {
  SDR: ['bt709', 'bt709', 'bt709'],
  PQ: ['bt2020', 'smpte2084', 'bt2020nc'],
  HLG: ['bt2020', 'arib-std-b67', 'bt2020nc'],
};
