import { create } from '@bufbuild/protobuf';
import { SourceSchema } from '@kerkis/contracts/catalog';
import { ProfileSchema, type VideoCodec } from '@kerkis/contracts/media';
import { ChunkClass, ChunkSchema, ChunkState } from '@kerkis/contracts/transcode';
import { newId } from '@kerkis/ids';
import {
  type AudioSource,
  type MediaPlan,
  planMedia,
  type SourceInfo,
  type VideoSource,
} from '@kerkis/media';
import type { ChunkRecord } from '../src/domain/chunk.ts';
import { encodingProfile } from '../src/domain/encoding-profile.ts';
import { type JobRecord, newJob, planned } from '../src/domain/job.ts';
import { type PlannedChunk, planChunks } from '../src/domain/plan-chunks.ts';

const video: VideoSource = {
  index: 0,
  codec: 'h264',
  width: 640,
  height: 360,
  sampleAspectRatio: { num: 1, den: 1 },
  rotation: 0,
  isMirrored: false,
  displayWidth: 640,
  displayHeight: 360,
  frameRate: { num: 25, den: 1 },
  isVariableFrameRate: false,
  pixelFormat: 'yuv420p',
  bitDepth: 8,
  colour: {},
  isInterlaced: false,
  timeBase: { num: 1, den: 12_800 },
  startSeconds: 0,
  endSeconds: 0,
  lastFrameSeconds: 0,
  packetCount: 0,
  maxKeyframeIntervalSeconds: 2,
};

const audio: AudioSource = {
  index: 1,
  codec: 'aac',
  sampleRate: 48_000,
  channels: 2,
  timeBase: { num: 1, den: 48_000 },
  startSeconds: 0,
  endSeconds: 0,
  packetCount: 0,
  isDefault: true,
};

/** What a plan is made of. */
export interface PlanShape {
  readonly seconds: number;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  readonly segmentMs: number;
  /** Like the others by default. */
  readonly firstSegmentMs?: number;
}

/** A plan of two rungs, if not told otherwise, and one audio track, as far as the source has these. */
export function examplePlan(
  { seconds, hasVideo, hasAudio, segmentMs, firstSegmentMs = segmentMs }: PlanShape,
  renditions: { shortSide: number; codec?: VideoCodec }[] = [{ shortSide: 180 }, { shortSide: 96 }],
): MediaPlan {
  const source: SourceInfo = {
    container: 'mov',
    sizeBytes: 1,
    durationSeconds: seconds,
    durationMs: Math.max(1, Math.round(seconds * 1000)),
    timeline: { startSeconds: 0, gaps: [] },
    ...(hasVideo && {
      video: {
        ...video,
        endSeconds: seconds,
        lastFrameSeconds: seconds,
        packetCount: Math.ceil(seconds * 25),
      },
    }),
    audios: hasAudio ? [{ ...audio, endSeconds: seconds, packetCount: Math.ceil(seconds * 46.875) }] : [],
    subtitles: [],
    chapters: [],
    warnings: [],
  };
  const profile = create(ProfileSchema, {
    name: 'test',
    segmentMs,
    firstSegmentMs,
    renditions,
    audios: [{}],
  });
  return planMedia(source, encodingProfile(profile));
}

/** A job that waits for its plan. */
export const exampleJob = (now = new Date()): JobRecord =>
  newJob({
    id: newId('job'),
    assetId: newId('ast'),
    generationId: newId('gen'),
    source: create(SourceSchema, { objectKey: 'sources/x' }),
    profile: create(ProfileSchema, {
      name: 'test',
      extras: { noPoster: true, noIframes: true, quality: false },
    }),
    now,
  });

/** A job that runs, and its chunks. */
export function runningJob(shape: PlanShape, chunkSeconds = 2): { job: JobRecord; chunks: ChunkRecord[] } {
  const plan = examplePlan(shape);
  const chunkCount = planChunks(plan, chunkSeconds).length;
  const job = planned(exampleJob(), plan, { chunkSeconds, chunkCount }, new Date());
  if (!job) throw new Error('a new job can be planned');
  return {
    job,
    chunks: planChunks(plan, chunkSeconds).map((each, order) => exampleChunk(each, order)),
  };
}

/** A chunk that nobody has taken. */
export function exampleChunk(
  { tracks, firstSegment, segmentCount, class: taskClass }: Partial<PlannedChunk> = {},
  order = 0,
): ChunkRecord {
  return {
    chunk: create(ChunkSchema, {
      id: newId('unt'),
      jobId: newId('job'),
      state: ChunkState.PENDING,
      tracks: [...(tracks ?? [])],
      firstSegment: firstSegment ?? 1,
      segmentCount: segmentCount ?? 1,
      class: taskClass ?? ChunkClass.BULK,
    }),
    assetId: newId('ast'),
    generationId: newId('gen'),
    run: 1,
    order,
    extra: false,
    progress: { stored: {}, speed: 0 },
    measured: {},
    changedAt: new Date(),
  };
}
