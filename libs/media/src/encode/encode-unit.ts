import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { KerkisError, toKerkisError } from '@kerkis/errors';
import type { Tracer } from '@opentelemetry/api';
import { audioSegments } from '../cmaf/audio-segments.ts';
import { type TrackPart, videoSegments } from '../cmaf/video-segments.ts';
import { audioGrid, firstAudioFrame, firstVideoFrame } from '../plan/grid.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import type { ProcessLimits } from '../process/confine.ts';
import { type FfmpegProgress, type RunningFfmpeg, startFfmpeg } from '../process/run-ffmpeg.ts';
import type { MediaTools } from '../process/tools.ts';
import { toNumber } from '../rational.ts';
import type { RemuxSources } from '../remux/remux-sources.ts';
import { remuxUnit } from '../remux/remux-unit.ts';
import { audioFrameRange, audioUnitArgs } from './audio-args.ts';
import { type AudioUnit, type EncodeUnit, unitAudioRung, unitVideoRungs, type VideoUnit } from './unit.ts';
import { type EncodeSettings, videoUnitArgs } from './video-args.ts';
import { reorderDepthOf } from './video-codec-args.ts';

/** How to encode a unit. */
export interface EncodeOptions extends EncodeSettings {
  readonly tools: MediaTools;
  readonly limits?: ProcessLimits;
  readonly niceness?: number;
  /** How far it stands back once the first media segment is there: somebody may have waited for that one only. */
  readonly nicenessAfterFirst?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FfmpegProgress) => void) | undefined;
  readonly tracer?: Tracer;
  /** Remembers what remuxed units read; without it each reads the index of the source again. */
  readonly remuxSources?: RemuxSources | undefined;
}

/** One finished part of one rung. */
export type EncodedPart = TrackPart & {
  /** Name of the rung in the plan's ladder. */
  readonly rung: string;
};

/**
 * Encodes (or remuxes) a unit and yields the init segment and then each media segment of each rung as soon as it is complete. When the
 * iteration ends without an error, everything the unit asked for has been yielded exactly once. Leaving it early stops
 * ffmpeg.
 *
 * Throws KerkisError `invalid` UNIT_INVALID, `unavailable` ENCODER_UNAVAILABLE (see `missingHardware`), what `startFfmpeg` rejects with, or `internal` ENCODER_OUTPUT_UNEXPECTED.
 */
export async function* encodeUnit(
  plan: MediaPlan,
  unit: EncodeUnit,
  options: EncodeOptions,
): AsyncGenerator<EncodedPart> {
  if (unit.kind === 'remux') {
    yield* remuxUnit(plan, unit, options);
    return;
  }
  yield* encodeWithFfmpeg(plan, unit, options);
}

async function* encodeWithFfmpeg(
  plan: MediaPlan,
  unit: VideoUnit | AudioUnit,
  options: EncodeOptions,
): AsyncGenerator<EncodedPart> {
  const args =
    unit.kind === 'video' ? videoUnitArgs(plan, unit, options) : audioUnitArgs(plan, unit, options);
  const pipeCount = unit.kind === 'video' ? unit.rungs.length : 1;
  const ffmpeg = startFfmpeg(args, {
    ...options,
    readable: [options.sourcePath],
    devices: usesHardware(plan, unit) ? options.hardware?.devices : undefined,
    pipeCount,
    mediaSeconds: unitSeconds(plan, unit),
  });
  let isComplete = false;
  try {
    let isFirst = true;
    for await (const part of merge(tracks(plan, unit, ffmpeg.pipes))) {
      if (isFirst && part.kind === 'segment') {
        isFirst = false;
        if (options.nicenessAfterFirst) ffmpeg.standBack(options.nicenessAfterFirst);
      }
      yield part;
    }
    isComplete = true;
  } catch (error) {
    throw await failureOf(ffmpeg, error);
  } finally {
    if (!isComplete) ffmpeg.stop();
    for (const pipe of ffmpeg.pipes) pipe.destroy();
  }
  await ffmpeg.ended;
}

function usesHardware(plan: MediaPlan, unit: VideoUnit | AudioUnit): boolean {
  return unit.kind === 'video' && unitVideoRungs(plan, unit).some(({ encoder }) => encoder !== 'software');
}

function unitSeconds(plan: MediaPlan, unit: VideoUnit | AudioUnit): number {
  const { grid } = plan;
  const { firstSegment } = unit;
  const end = firstSegment + unit.segmentCount;
  if (unit.kind === 'video') {
    const frames = firstVideoFrame(grid, end) - firstVideoFrame(grid, firstSegment);
    return grid.video ? frames / toNumber(grid.video.frameRate) : 0;
  }
  const { codec } = unitAudioRung(plan, unit);
  const frames = firstAudioFrame(grid, end, codec) - firstAudioFrame(grid, firstSegment, codec);
  const { samplesPerFrame, sampleRate } = audioGrid(grid, codec);
  return (frames * samplesPerFrame) / sampleRate;
}

/**
 * A broken stream usually is ffmpeg's failure, which says more, once it has ended by itself. One that only complains of its
 * broken pipe was left by us: then what we found in the stream says more.
 */
async function failureOf(ffmpeg: RunningFfmpeg, error: unknown): Promise<KerkisError> {
  const own = ffmpeg.ended.then(
    () => undefined,
    (reason) => toKerkisError(reason),
  );
  const failure = await Promise.race([own, delay(endingMs, undefined, { ref: false })]);
  return failure && !failure.details.stderr?.includes('Broken pipe') ? failure : toKerkisError(error);
}

/** How long a failing ffmpeg gets to end after its output has. */
const endingMs = 2_000;

function tracks(
  plan: MediaPlan,
  unit: VideoUnit | AudioUnit,
  pipes: readonly Readable[],
): AsyncGenerator<EncodedPart>[] {
  const { firstSegment, segmentCount } = unit;
  if (unit.kind === 'video') {
    return unitVideoRungs(plan, unit).map((rung, index) => {
      const divisor = rung.frameRateDivisor;
      const parts = videoSegments(pipeAt(pipes, index), {
        codecs: rung.codecs,
        isHardware: rung.encoder !== 'software',
        hdrMetadata: rung.videoRange === 'SDR' ? undefined : plan.source.video?.hdrMetadata,
        ticksPerFrame: (plan.grid.video?.ticksPerFrame ?? 0) * divisor,
        reorderDepth: reorderDepthOf(rung.codec),
        firstFrame: (segment) => firstVideoFrame(plan.grid, segment, divisor),
        firstSegment,
        segmentCount,
      });
      return named(rung.name, parts);
    });
  }
  const rung = unitAudioRung(plan, unit);
  const parts = audioSegments(pipeAt(pipes, 0), {
    codec: rung.codec,
    ...audioGrid(plan.grid, rung.codec),
    channels: rung.channels,
    bitrateBps: rung.bitrateBps,
    ...(rung.language === undefined ? {} : { language: rung.language }),
    skippedFrames: audioFrameRange(plan, unit).skipped,
    firstFrame: (segment) => firstAudioFrame(plan.grid, segment, rung.codec),
    firstSegment,
    segmentCount,
  });
  return [named(rung.name, parts)];
}

function pipeAt(pipes: readonly Readable[], index: number): Readable {
  const pipe = pipes[index];
  if (pipe === undefined) throw new KerkisError('internal', 'INTERNAL', 'ffmpeg has fewer pipes than rungs.');
  return pipe;
}

async function* named(rung: string, parts: AsyncGenerator<TrackPart>): AsyncGenerator<EncodedPart> {
  for await (const part of parts) yield { ...part, rung };
}

/** Yields from all generators, whichever has something first. */
async function* merge<T>(generators: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = async (generator: AsyncGenerator<T>) => ({ generator, result: await generator.next() });
  const waiting = new Map(generators.map((generator) => [generator, next(generator)]));
  for (const promise of waiting.values()) promise.catch(() => {});
  while (waiting.size > 0) {
    const { generator, result } = await Promise.race(waiting.values());
    if (result.done) {
      waiting.delete(generator);
      continue;
    }
    const following = next(generator);
    following.catch(() => {});
    waiting.set(generator, following);
    yield result.value;
  }
}
