import { KerkisError } from '@kerkis/errors';
import {
  type EncodedPart,
  type EncodeUnit,
  type ExtraOptions,
  type MediaPlan,
  toNumber,
} from '@kerkis/media';
import type { ChunkProgress, ChunkRecord, ChunkResult } from '../domain/chunk.ts';
import { unitsOf } from '../domain/chunk-units.ts';
import type { GrowingSource, JobRecord } from '../domain/job.ts';
import { secondsBetween, trackRuns } from '../domain/track-runs.ts';
import { audioTrackName, videoTrackName } from '../domain/tracks.ts';
import type { SourceFiles } from '../source-files.ts';
import { type StoreSegmentsDependencies, segmentWriter } from './store-segments.ts';

/** How hard to work: `now` when somebody waits, with all processors and before everything else; `soon` for what is needed next; `later` for the rest. */
export type EncodePriority = 'now' | 'soon' | 'later';

/** How one run of ffmpeg is told what to do. */
export interface EncodeRun {
  readonly sourcePath: string;
  readonly priority: EncodePriority;
  readonly signal: AbortSignal;
  readonly onSpeed: (speed: number) => void;
  /** Media seconds of the work, which bound its time. */
  readonly mediaSeconds: number;
  /** Counted from 1, which is the default. */
  readonly attempt?: number;
}

/** ffmpeg, as the worker uses it. */
export interface Encoder {
  encode(plan: MediaPlan, unit: EncodeUnit, run: EncodeRun): AsyncIterable<EncodedPart>;
  /** How ffmpeg is run for side work. */
  options(run: EncodeRun): ExtraOptions;
}

/** What encoding a chunk needs. */
export interface EncodeChunkDependencies extends StoreSegmentsDependencies {
  readonly encoder: Pick<Encoder, 'encode'>;
  readonly sources: SourceFiles;
  readonly early: EarlyMedia;
}

/** What was, or is, made while a source is on its way. */
export interface EarlyMedia {
  /** Path of a source that is still on its way. */
  pathOf(source: GrowingSource): Promise<string>;
  /** Stores the segments of a chunk that were made early. Undefined where there are none that would do. */
  take(
    job: JobRecord,
    record: ChunkRecord,
    assertHeld: () => void,
  ): Promise<ChunkResult['measured'] | undefined>;
}

/** A chunk on its way through ffmpeg. */
export interface ChunkEncoding {
  /** How far it is. */
  progress(): ChunkProgress;
  /** Resolves when everything is stored. */
  readonly done: Promise<ChunkResult>;
}

/** Under which conditions a chunk is encoded. */
export interface EncodeConditions {
  readonly priority: EncodePriority;
  /** Stops it. */
  readonly signal: AbortSignal;
  /** Called right before each write; throws when this worker must not write any more. */
  readonly assertHeld: () => void;
}

/** Encodes a chunk and stores its segments. When `done` is settled, well or not, nothing of it is written any more. */
export function encodeChunk(
  deps: EncodeChunkDependencies,
  job: JobRecord,
  record: ChunkRecord,
  { priority, signal, assertHeld }: EncodeConditions,
): ChunkEncoding {
  const { source, plan, growing } = job;
  const usualSeconds = plan ? toNumber(plan.grid.segmentSeconds) : 0;
  const writer = segmentWriter(deps, record, { assertHeld, usualSeconds });
  let speed = 0;

  async function run(): Promise<ChunkResult> {
    try {
      return await encodeAll();
    } finally {
      await writer.settled();
    }
  }

  async function encodeAll(): Promise<ChunkResult> {
    if (!plan) throw new KerkisError('internal', 'JOB_HAS_NO_PLAN', 'The job of this chunk has no plan.');
    const measuredEarly = await deps.early.take(job, record, assertHeld);
    if (measuredEarly) return { measured: measuredEarly };
    const units = unitsOf(plan, record.chunk);
    await using file = growing ? undefined : await deps.sources.openPart(source.objectKey, signal);
    await file?.fetchFor(plan, units);
    const sourcePath = growing ? await deps.early.pathOf(growing) : (file?.path ?? '');
    const runs = trackRuns(plan);
    const startedAt = performance.now();
    const settings = {
      sourcePath,
      priority,
      signal,
      mediaSeconds: chunkSeconds(plan, record),
      attempt: record.chunk.attempts,
      onSpeed: (now: number) => {
        speed = now;
      },
    };
    for (const unit of units) {
      const nameOf = unit.kind === 'audio' ? audioTrackName : videoTrackName;
      for await (const part of deps.encoder.encode(plan, unit, settings)) {
        signal.throwIfAborted();
        const name = nameOf({ name: part.rung });
        await writer.write(name, runs.get(name)?.timescale ?? 1, part);
      }
    }
    const measured = await writer.finish();
    signal.throwIfAborted();
    // ffmpeg tells its speed now and then: of a chunk that took less than that, nothing was heard.
    speed = settings.mediaSeconds / Math.max(0.001, (performance.now() - startedAt) / 1000);
    return { measured };
  }

  return { progress: () => ({ stored: writer.stored(), speed }), done: run() };
}

/** Media seconds of the longest track of a chunk. */
function chunkSeconds(plan: MediaPlan, { chunk }: ChunkRecord): number {
  const runs = trackRuns(plan);
  const lasting = chunk.tracks.map((track) => {
    const found = runs.get(track);
    return found ? secondsBetween(found, chunk.firstSegment, chunk.segmentCount) : 0;
  });
  return Math.max(0, ...lasting);
}
