import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Source } from '@kerkis/contracts/catalog';
import {
  type Artefacts,
  ArtefactsSchema,
  type Failure,
  type Profile,
  type Track,
} from '@kerkis/contracts/media';
import { type Job, JobSchema, JobState } from '@kerkis/contracts/transcode';
import type { MediaPlan } from '@kerkis/media';
import type { JobCount } from './count-chunks.ts';
import { type Donor, workKey } from './donor.ts';
import { shareDone } from './job-progress.ts';
import { offeredAtOnce } from './offered-tracks.ts';
import { type OrderSet, withOrders } from './order-set.ts';
import { segmentCountOf } from './track-runs.ts';
import { gridMessage, plannedTracks, sourceInfoMessage } from './tracks.ts';

/** A job as transcode keeps it. */
export interface JobRecord {
  readonly job: Job;
  readonly source: Source;
  readonly profile: Profile;
  /** What every worker encodes by. Absent until planned. */
  readonly plan?: MediaPlan;
  /** Length of its chunks: with the plan it says which chunks there are. 0 until planned. */
  readonly chunkSeconds: number;
  /** Failures of planning that may be the source's fault. */
  readonly planFailures: number;
  /** Planned tracks; each is replaced by its measured self when it is complete. */
  readonly tracks: readonly Track[];
  /** What is stored beside the tracks. Empty until it is finished. */
  readonly artefacts: Artefacts;
  /** What came of the look at its content. Absent while it is waited for, and where the profile wants none. */
  readonly ladderOutcome?: LadderOutcome;
  /** What two jobs have in common that make the same; empty when that is not known. */
  readonly workKey: string;
  /** The job whose media it takes over. Absent where it is encoded. */
  readonly copyOf?: Donor;
  /** Raised whenever its tracks are others, or others of them are offered. */
  readonly revision: number;
  /** Places in the order of the plan of those finished chunks that its progress tells of. */
  readonly counted: OrderSet;
  /** When it began to run, milliseconds since 1970; 0 until then. */
  readonly startedAtMs: number;
  /** How often it was started, counted from 1; chunks of another run are not its own. */
  readonly run: number;
  /** It ended without success, and its stored segments are still to be deleted. */
  readonly needsCleanUp: boolean;
  /** Until then one process deletes its segments and all others keep away, milliseconds since 1970. */
  readonly cleanUpUntilMs: number;
  /** It is planned in software, whatever hardware there is. */
  readonly withoutHardware?: true;
  /** It is encoded, whatever there is to copy. */
  readonly withoutCopy?: true;
  /** Finished so long ago that it is listed no more: it is kept without its chunks, for pictures that are asked for later and jobs that copy it. */
  readonly archived?: true;
  /** Its source is still on its way. Of early work only, which has records of its own. */
  readonly growing?: GrowingSource;
}

/** A source of which the beginning is there. */
export interface GrowingSource {
  /** Key that it will have. */
  readonly objectKey: string;
  /** Multipart upload in which it grows. */
  readonly multipartId: string;
}

/** A ladder is fitted to its content, or stays as planned because nobody could look. */
export type LadderOutcome = 'fitted' | 'unseen';

/** What a job is made from. */
export interface NewJob {
  readonly id: string;
  readonly assetId: string;
  readonly generationId: string;
  readonly source: Source;
  readonly profile: Profile;
  readonly now: Date;
}

/** A job that waits for its probe. */
export function newJob({ id, assetId, generationId, source, profile, now }: NewJob): JobRecord {
  const job = create(JobSchema, {
    id,
    assetId,
    generationId,
    state: JobState.PENDING,
    profile: profile.name,
    createTime: timestampFromDate(now),
    updateTime: timestampFromDate(now),
  });
  return {
    job,
    source,
    profile,
    chunkSeconds: 0,
    planFailures: 0,
    tracks: [],
    artefacts: create(ArtefactsSchema),
    workKey: workKey(source, profile),
    revision: 0,
    counted: '',
    startedAtMs: 0,
    run: 1,
    needsCleanUp: false,
    cleanUpUntilMs: 0,
  };
}

/** Whether the job is over, well or not. */
export function hasEnded({ state }: Job): boolean {
  return state === JobState.FINISHED || state === JobState.FAILED || state === JobState.CANCELLED;
}

function moved(record: JobRecord, now: Date, change: Partial<Job>): JobRecord {
  return { ...record, job: { ...record.job, ...change, updateTime: timestampFromDate(now) } };
}

/** Its plan is made: PENDING → RUNNING. Undefined when it is past that. */
export function planned(
  record: JobRecord,
  plan: MediaPlan,
  { chunkSeconds, chunkCount }: { chunkSeconds: number; chunkCount: number },
  now: Date,
): JobRecord | undefined {
  if (record.job.state !== JobState.PENDING || record.needsCleanUp) return undefined;
  const tracks = offeredAtOnce(plan, plannedTracks(plan));
  const next = moved(record, now, {
    state: JobState.RUNNING,
    sourceInfo: sourceInfoMessage(plan.source),
    grid: gridMessage(plan),
    chunkCount,
    tracks: tracks.map((track) => ({
      $typeName: 'kerkis.transcode.v1.TrackProgress' as const,
      track: track.name,
      segmentCount: segmentCountOf(track.segments),
      finishedSegmentCount: 0,
      speed: 0,
      progress: 0,
      remainingMs: 0n,
    })),
  });
  return { ...next, plan, chunkSeconds, tracks, startedAtMs: now.getTime() };
}

/** It still is being planned: nobody else needs to. */
export function beingPlanned(record: JobRecord, now: Date): JobRecord | undefined {
  return record.job.state === JobState.PENDING ? moved(record, now, {}) : undefined;
}

/** Planning failed in a way that may pass, or may not. */
export function planFailed(record: JobRecord, now: Date): JobRecord | undefined {
  if (record.job.state !== JobState.PENDING) return undefined;
  return { ...moved(record, now, {}), planFailures: record.planFailures + 1 };
}

/**
 * Chunks were finished. Undefined when the job is not running. A count that was taken earlier but comes later takes nothing
 * back.
 */
export function progressed(record: JobRecord, count: JobCount, now: Date): JobRecord | undefined {
  if (record.job.state !== JobState.RUNNING) return undefined;
  const complete = new Map(count.completeTracks.map((track) => [track.name, track]));
  const finishedChunkCount = Math.max(record.job.finishedChunkCount, count.finishedChunks);
  const doneOf = (track: string, before: number) => Math.max(before, count.finishedSegments.get(track) ?? 0);
  const tracks = record.job.tracks.map((track) => {
    const finishedSegmentCount = doneOf(track.track, track.finishedSegmentCount);
    const progress = track.segmentCount > 0 ? finishedSegmentCount / track.segmentCount : 0;
    return { ...track, finishedSegmentCount, progress };
  });
  const done = new Map(tracks.map(({ track, finishedSegmentCount }) => [track, finishedSegmentCount]));
  const next = moved(record, now, {
    finishedChunkCount,
    progress: Math.max(
      record.job.progress,
      shareDone(record.tracks, (track) => done.get(track) ?? 0),
    ),
    retryCount: Math.max(record.job.retryCount, count.retries),
    tracks,
  });
  const counted = withOrders(record.counted, count.finishedOrders);
  return { ...next, counted, tracks: record.tracks.map((track) => complete.get(track.name) ?? track) };
}

/** Other tracks are offered from here on. Undefined when they are the same as before. */
export function offering(record: JobRecord, tracks: readonly Track[]): JobRecord | undefined {
  if (tracks === record.tracks || record.job.state !== JobState.RUNNING) return undefined;
  return { ...record, tracks, revision: record.revision + 1 };
}

/** Every segment is stored, and all side work has ended: RUNNING → FINISHED. */
export function finished(record: JobRecord, artefacts: Artefacts, now: Date): JobRecord | undefined {
  if (record.job.state !== JobState.RUNNING || record.tracks.some((track) => !track.complete))
    return undefined;
  const endTime = timestampFromDate(now);
  return { ...moved(record, now, { state: JobState.FINISHED, progress: 1, endTime }), artefacts };
}

/** It was finished long ago. Undefined when it is archived already, or not finished. */
export function archived(record: JobRecord): JobRecord | undefined {
  if (record.archived || record.job.state !== JobState.FINISHED) return undefined;
  return { ...record, archived: true };
}

/** It will not succeed: PENDING or RUNNING → FAILED. What it stored is to be deleted. */
export function failed(record: JobRecord, failure: Failure, now: Date): JobRecord | undefined {
  return endedEarly(record, JobState.FAILED, failure, now);
}

/** Somebody cancelled it: PENDING or RUNNING → CANCELLED. What it stored is to be deleted. */
export function cancelled(record: JobRecord, failure: Failure, now: Date): JobRecord | undefined {
  return endedEarly(record, JobState.CANCELLED, failure, now);
}

function endedEarly(record: JobRecord, state: JobState, failure: Failure, now: Date): JobRecord | undefined {
  if (hasEnded(record.job)) return undefined;
  const next = moved(record, now, { state, failure, endTime: timestampFromDate(now) });
  return { ...next, needsCleanUp: true };
}

/** One process starts to delete its segments. Undefined when there is nothing to delete, or another one is at it. */
export function cleaning(record: JobRecord, untilMs: number, now: Date): JobRecord | undefined {
  if (!record.needsCleanUp || record.cleanUpUntilMs > now.getTime()) return undefined;
  return { ...record, cleanUpUntilMs: untilMs };
}

/** Whoever deletes its segments goes on. Undefined when another process has taken over. */
export function stillCleaning(record: JobRecord, untilMs: number, nextMs: number): JobRecord | undefined {
  if (!record.needsCleanUp || record.cleanUpUntilMs !== untilMs) return undefined;
  return { ...record, cleanUpUntilMs: nextMs };
}

/**
 * Its segments are deleted: a job that starts again by itself is in its next run. Undefined when another process has taken over: that one
 * may still be deleting.
 */
export function cleanedUp(record: JobRecord, untilMs: number, now: Date): JobRecord | undefined {
  if (!record.needsCleanUp || record.cleanUpUntilMs !== untilMs) return undefined;
  const run = record.job.state === JobState.PENDING ? record.run + 1 : record.run;
  return { ...moved(record, now, {}), needsCleanUp: false, cleanUpUntilMs: 0, run };
}

/** It runs again from its probe on: FAILED or CANCELLED → PENDING. Undefined while its clean-up is not over. */
export function restarted(record: JobRecord, now: Date): JobRecord | undefined {
  const { state } = record.job;
  if ((state !== JobState.FAILED && state !== JobState.CANCELLED) || record.needsCleanUp) return undefined;
  const { withoutHardware: _h, withoutCopy: _c, ...next } = fromTheBeginning(record, now);
  const { restartReason: _r, ...job } = next.job;
  return { ...next, job, run: record.run + 1 };
}

/** What a job does without from its next run on. */
export type Renounced = 'withoutHardware' | 'withoutCopy';

/**
 * It cannot go on as it was planned, e.g. because nobody has its hardware any more: RUNNING → PENDING. Its next run begins when what it stored is
 * deleted. No state between is a failure, so that nobody gives up waiting for it.
 */
export function restartedWithout(
  record: JobRecord,
  what: Renounced,
  reason: Failure,
  now: Date,
): JobRecord | undefined {
  if (record.job.state !== JobState.RUNNING) return undefined;
  const next = fromTheBeginning(record, now);
  return {
    ...next,
    job: { ...next.job, restartReason: reason },
    [what]: true,
    // What was planned before is known elsewhere.
    revision: record.revision + 1,
    needsCleanUp: true,
  };
}

/** The job as it was before its plan. */
function fromTheBeginning(record: JobRecord, now: Date): JobRecord {
  const { failure: _f, endTime: _e, ...job } = record.job;
  const { plan: _p, ladderOutcome: _l, copyOf: _c, ...rest } = record;
  const empty = { finishedChunkCount: 0, progress: 0, chunkCount: 0, tracks: [], retryCount: 0 };
  const fresh = { ...job, ...empty, ladderNotes: [] };
  return {
    ...moved({ ...rest, job: fresh }, now, { state: JobState.PENDING }),
    chunkSeconds: 0,
    planFailures: 0,
    tracks: [],
    artefacts: create(ArtefactsSchema),
    counted: '',
    startedAtMs: 0,
  };
}
