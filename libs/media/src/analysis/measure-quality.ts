import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { KerkisError } from '@kerkis/errors';
import type { EncodeOptions } from '../encode/encode-unit.ts';
import type { PictureSize } from '../encode/picture-filters.ts';
import { unitVideoRungs } from '../encode/unit.ts';
import { frameFilters, rungChains, videoInputArgs } from '../encode/video-args.ts';
import { firstVideoFrame, type Grid } from '../plan/grid.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { startFfmpeg } from '../process/run-ffmpeg.ts';
import { formatRational } from '../rational.ts';
import { comparison, type FrameScore, type MeanScore, meanScore, readScores } from './frame-scores.ts';

/** Stored segments of one rung. */
export interface StoredTrack {
  readonly init: Uint8Array;
  /** Segments to look at, counted from zero; see `sampleSegments`. */
  readonly segments: readonly number[];
  readonly readSegment: (index: number) => Promise<Uint8Array>;
}

/** How to measure. */
export interface MeasureOptions extends Omit<EncodeOptions, 'onProgress'> {
  /** Existing directory in which one segment at a time is put. */
  readonly scratchDirectory: string;
  /** Frames of each segment that are compared, spread over all of it; 30 by default. All are decoded. */
  readonly framesPerSegment?: number;
  /** Compares at this size, to which the segments are scaled as by a player; the rung's own by default. */
  readonly shownSize?: PictureSize;
}

/** How like the source a rung is, at its own size or the one it is shown at, and at its rate. */
export interface RungQuality extends MeanScore {
  /** How many segments were looked at. */
  readonly segmentCount: number;
}

/** Up to `count` segments spread evenly over the whole length, for `measureQuality`. */
export function sampleSegments({ segmentCount }: Pick<Grid, 'segmentCount'>, count = 5): number[] {
  const wanted = Math.max(1, Math.min(count, segmentCount));
  return Array.from({ length: wanted }, (_, index) => Math.floor(((index + 0.5) * segmentCount) / wanted));
}

/**
 * Compares stored segments of a rung with the source, brought to the rung's shape by the filters that the encoder gets its pictures
 * from. Frames are paired by their number on the grid. Segments count by their number of compared frames.
 *
 * Throws KerkisError `invalid` UNIT_INVALID, `internal` ENCODER_OUTPUT_UNEXPECTED when a segment does not have the frames of its place,
 * what `startFfmpeg` rejects with, and what `readSegment` throws.
 */
export async function measureQuality(
  plan: MediaPlan,
  rungName: string,
  track: StoredTrack,
  options: MeasureOptions,
): Promise<RungQuality> {
  if (track.segments.length === 0) {
    throw new KerkisError('invalid', 'UNIT_INVALID', 'Name at least one segment to measure.');
  }
  await using scratch = await mkdtempDisposable(join(options.scratchDirectory, 'quality-'));
  const path = join(scratch.path, 'segment.mp4');
  const scores: FrameScore[] = [];
  for (const segment of track.segments) {
    const place = placeOf(plan, rungName, segment, options.framesPerSegment ?? 30);
    await writeFile(path, Buffer.concat([track.init, await track.readSegment(segment)]));
    scores.push(...(await compareSegment(plan, place, path, options)));
  }
  return { ...meanScore(scores), segmentCount: track.segments.length };
}

/** Where a segment is, and which of its frames are compared. */
interface SegmentPlace {
  readonly rung: VideoRung;
  /** Frames of the grid. */
  readonly first: number;
  readonly end: number;
  /** First frame of the rung, its number of frames, and each how manieth is compared. */
  readonly firstOfRung: number;
  readonly count: number;
  readonly step: number;
}

function placeOf(plan: MediaPlan, rungName: string, segment: number, mostFrames: number): SegmentPlace {
  const unit = { kind: 'video', rungs: [rungName], firstSegment: segment, segmentCount: 1 } as const;
  const [rung] = unitVideoRungs(plan, unit) as [VideoRung];
  const firstOfRung = firstVideoFrame(plan.grid, segment, rung.frameRateDivisor);
  const count = firstVideoFrame(plan.grid, segment + 1, rung.frameRateDivisor) - firstOfRung;
  return {
    rung,
    first: firstVideoFrame(plan.grid, segment),
    end: firstVideoFrame(plan.grid, segment + 1),
    firstOfRung,
    count,
    step: Math.max(1, Math.ceil(count / Math.max(1, mostFrames))),
  };
}

async function compareSegment(
  plan: MediaPlan,
  place: SegmentPlace,
  path: string,
  options: MeasureOptions,
): Promise<FrameScore[]> {
  const ffmpeg = startFfmpeg(compareArgs(plan, place, path, options), {
    ...options,
    readable: [options.sourcePath, path],
    pipeCount: 1,
  });
  const [scores] = await Promise.all([readScores(ffmpeg.pipes[0] as Readable), ffmpeg.ended]);
  const isWhole =
    scores.length === Math.ceil(place.count / place.step) &&
    scores.every(({ pts, error, ssim }, n) => pts === n * place.step && error >= 0 && Number.isFinite(ssim));
  if (isWhole) return scores;
  throw new KerkisError(
    'internal',
    'ENCODER_OUTPUT_UNEXPECTED',
    'A stored segment does not have the frames of its place, and cannot be compared with the source.',
    { details: { rung: place.rung.name, frames: `${scores.length}` } },
  );
}

/** One ffmpeg that reads the source (input 0) and the segment (input 1), and writes how like each other they are. */
function compareArgs(plan: MediaPlan, place: SegmentPlace, path: string, options: MeasureOptions): string[] {
  const { rung, step } = place;
  const { threads, maxPixels, maxStreams, shownSize = rung } = options;
  const { width, height } = shownSize;
  // What a hardware encoder is given stays in its memory.
  const shape: VideoRung = { ...rung, width, height, encoder: 'software' };
  const source = [...frameFilters(plan, place), `framestep=${step}`].join(',');
  const stored = [
    `settb=1/(${formatRational(rung.frameRate)})`,
    `setpts=PTS-${place.firstOfRung}`,
    `select='not(mod(n,${step}))'`,
    ...(options.shownSize === undefined ? [] : [`scale=${width}:${height}:flags=bicubic`]),
  ].join(',');
  const graph = [
    `[0:${plan.source.video?.index}]${source},${rungChains(plan, [shape])}`,
    `[1:v:0]${stored}[stored]`,
    comparison('stored', 'v0', 3, 'scores'),
  ].join(';');
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
    ...['-filter_complex_threads', `${threads}`, '-max_error_rate', '1'],
    ...videoInputArgs(plan, place.first, options),
    ...[
      '-threads',
      `${threads}`,
      ...guardArgs({ container: 'mov', maxPixels, maxStreams }),
      ...inputArgs(path),
    ],
    ...['-filter_complex', graph, '-map', '[scores]', '-fps_mode', 'passthrough', '-f', 'null', '-'],
  ];
}
