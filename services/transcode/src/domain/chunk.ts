import { clone } from '@bufbuild/protobuf';
import { timestampFromDate, timestampMs } from '@bufbuild/protobuf/wkt';
import type { Failure } from '@kerkis/contracts/media';
import { type Chunk, ChunkClass, ChunkSchema, ChunkState } from '@kerkis/contracts/transcode';
import type { SideResult, SideWork } from './side-work.ts';

/** What a chunk made of one track. */
export interface TrackMeasure {
  readonly segmentCount: number;
  readonly sizeBytes: number;
  /** Highest bitrate of one of its segments, bits per second. */
  readonly peakBandwidthBps: number;
}

/** How far a running chunk is. */
export interface ChunkProgress {
  /** Segments stored so far, by track. */
  readonly stored: Readonly<Record<string, number>>;
  /** Media seconds encoded per second of time. */
  readonly speed: number;
}

/** A chunk as transcode keeps it. */
export interface ChunkRecord {
  readonly chunk: Chunk;
  readonly assetId: string;
  readonly generationId: string;
  /** The run of the job that it belongs to: a job that is started again makes chunks of its own. */
  readonly run: number;
  /** Place in the order in which the job's chunks are given out. */
  readonly order: number;
  /** Made because somebody waits for a segment of it: no part of the plan, which makes the same segments in its own time. */
  readonly extra: boolean;
  /** When somebody who waits for it last said so, milliseconds since 1970; of extra chunks only. */
  readonly wantedAtMs?: number;
  /** What it makes instead of segments. */
  readonly side?: SideWork;
  readonly progress: ChunkProgress;
  /** Segments that earlier attempts stored, by track: they are stored still. Absent: none. */
  readonly reached?: ChunkProgress['stored'];
  /**
   * Until then a worker from which it was taken before its lease was over may still be writing, milliseconds since 1970. Absent: there
   * is none.
   */
  readonly formerLeaseEndMs?: number;
  /** Of early chunks: names all that it is made by and of. */
  readonly fingerprint?: string;
  /** By track; empty until finished. */
  readonly measured: Readonly<Record<string, TrackMeasure>>;
  /** What side work gave; absent until finished. */
  readonly sideResult?: SideResult;
  /** When its state last changed. */
  readonly changedAt: Date;
}

/** What a finished chunk leaves behind. */
export type ChunkResult = Pick<ChunkRecord, 'measured' | 'sideResult'>;

/** Nothing is stored yet. */
export const noProgress: ChunkProgress = { stored: {}, speed: 0 };

function moved(record: ChunkRecord, now: Date, change: Partial<Chunk>): ChunkRecord {
  return { ...record, changedAt: now, chunk: { ...record.chunk, ...change } };
}

function withoutLease(record: ChunkRecord): ChunkRecord {
  const chunk = clone(ChunkSchema, record.chunk);
  delete chunk.leaseExpireTime;
  chunk.workerId = '';
  return { ...record, chunk, ...withReached(record), progress: noProgress };
}

function withReached(record: ChunkRecord): Pick<ChunkRecord, 'reached'> {
  const reached = storedSoFar(record);
  return Object.keys(reached).length > 0 ? { reached } : {};
}

/** Segments that any attempt stored, by track: the next attempt makes them again, and stores what is new. */
export function storedSoFar({
  progress,
  reached = {},
}: Pick<ChunkRecord, 'progress' | 'reached'>): ChunkProgress['stored'] {
  const tracks = Object.keys({ ...reached, ...progress.stored });
  const most = (track: string) => Math.max(reached[track] ?? 0, progress.stored[track] ?? 0);
  return Object.fromEntries(tracks.map((track) => [track, most(track)]));
}

/** Whether a worker holds it and has shown a sign of life in time. */
export function isLeased(record: ChunkRecord, now: Date): boolean {
  return record.chunk.state === ChunkState.RUNNING && leaseEndMs(record) > now.getTime();
}

const leaseEndMs = ({ chunk: { leaseExpireTime } }: Pick<ChunkRecord, 'chunk'>) =>
  leaseExpireTime ? timestampMs(leaseExpireTime) : 0;

/** PENDING → QUEUED. Undefined when there is nothing to queue. */
export function queued(record: ChunkRecord, now: Date): ChunkRecord | undefined {
  if (record.chunk.state !== ChunkState.PENDING) return undefined;
  return moved(record, now, { state: ChunkState.QUEUED });
}

/** Somebody looked after it while it waits in the queue. Undefined when it does not wait. */
export function requeued(record: ChunkRecord, now: Date): ChunkRecord | undefined {
  return record.chunk.state === ChunkState.QUEUED ? moved(record, now, {}) : undefined;
}

/** Whoever waits for an extra chunk says so again after this time. */
const wantedEveryMs = 3_000;
/** Without a word for so long nobody waits for it any more: a viewer who seeks on and on leaves many behind. */
const forsakenMs = 10_000;

/** Somebody still waits for this extra chunk. Undefined when that was said a moment ago, or it needs no work any more. */
export function stillWanted(record: ChunkRecord, now: Date): ChunkRecord | undefined {
  const { state } = record.chunk;
  const isOpen = state === ChunkState.QUEUED || state === ChunkState.RUNNING;
  if (!isOpen || now.getTime() - (record.wantedAtMs ?? 0) < wantedEveryMs) return undefined;
  return { ...record, wantedAtMs: now.getTime() };
}

/** An extra chunk waits in the queue, and nobody waits for it any more: QUEUED → CANCELLED. Undefined for every other one. */
export function forsaken(record: ChunkRecord, now: Date): ChunkRecord | undefined {
  const { extra, wantedAtMs, chunk } = record;
  if (!extra || wantedAtMs === undefined || chunk.state !== ChunkState.QUEUED) return undefined;
  return now.getTime() - wantedAtMs > forsakenMs ? cancelled(record, now) : undefined;
}

/** A viewer waits for it: urgent from here on. Undefined when it already is, or needs no work any more. */
export function hurried(record: ChunkRecord, now: Date): ChunkRecord | undefined {
  const { state, class: current } = record.chunk;
  const waits = state === ChunkState.PENDING || state === ChunkState.QUEUED;
  if (!waits || current === ChunkClass.URGENT) return undefined;
  return moved(record, now, { state: ChunkState.QUEUED, class: ChunkClass.URGENT });
}

/**
 * A worker takes the chunk: the epoch rises, so that whoever had it before can commit nothing any more. Undefined when it
 * needs no work, or another worker has it; one whose worker went silent is first taken back by `abandoned`, which bounds
 * the attempts.
 */
export function claimed(
  record: ChunkRecord,
  { workerId, leaseMs, now }: { workerId: string; leaseMs: number; now: Date },
): ChunkRecord | undefined {
  const { chunk } = record;
  if (chunk.state !== ChunkState.PENDING && chunk.state !== ChunkState.QUEUED) return undefined;
  return {
    ...moved(record, now, {
      state: ChunkState.RUNNING,
      workerId,
      epoch: chunk.epoch + 1n,
      attempts: chunk.attempts + 1,
      leaseExpireTime: timestampFromDate(new Date(now.getTime() + leaseMs)),
    }),
    progress: noProgress,
  };
}

/** Whether this epoch still is the one that may commit. */
function holds({ chunk }: ChunkRecord, epoch: bigint): boolean {
  return chunk.state === ChunkState.RUNNING && chunk.epoch === epoch;
}

/** A sign of life of the worker. Undefined when it lost the lease. */
export function renewed(
  record: ChunkRecord,
  epoch: bigint,
  { progress, leaseMs, now }: { progress: ChunkProgress; leaseMs: number; now: Date },
): ChunkRecord | undefined {
  if (!holds(record, epoch)) return undefined;
  const leaseExpireTime = timestampFromDate(new Date(now.getTime() + leaseMs));
  return { ...moved(record, now, { leaseExpireTime }), progress };
}

/** What it makes is stored: RUNNING → FINISHED. Undefined when the worker lost the lease. */
export function finished(
  record: ChunkRecord,
  epoch: bigint,
  result: ChunkResult,
  now: Date,
): ChunkRecord | undefined {
  if (!holds(record, epoch)) return undefined;
  const { failure: _, ...chunk } = record.chunk;
  return { ...withoutLease(moved({ ...record, chunk }, now, { state: ChunkState.FINISHED })), ...result };
}

/** The attempt failed: back into the queue, or DEAD for good. Undefined when the worker lost the lease. */
export function attemptFailed(
  record: ChunkRecord,
  epoch: bigint,
  { failure, isFinal, now }: { failure: Failure; isFinal: boolean; now: Date },
): ChunkRecord | undefined {
  if (!holds(record, epoch)) return undefined;
  const state = isFinal ? ChunkState.DEAD : ChunkState.QUEUED;
  return withoutLease(moved(record, now, { state, failure }));
}

/** The worker gives it back untouched, e.g. because it is told to stop; the attempt does not count. */
export function handedBack(record: ChunkRecord, epoch: bigint, now: Date): ChunkRecord | undefined {
  if (!holds(record, epoch)) return undefined;
  const attempts = record.chunk.attempts - 1;
  return withoutLease(moved(record, now, { state: ChunkState.QUEUED, attempts }));
}

/** On which conditions a chunk is taken from its worker. */
export interface Abandonment {
  readonly maxAttempts: number;
  readonly failure: Failure;
  /** The worker is known to be gone, whatever its lease says. */
  readonly isHolderGone?: boolean;
  readonly now: Date;
}

/** Its worker is gone: RUNNING → QUEUED, or DEAD after the last attempt. Undefined while the lease lives, unless its holder is gone. */
export function abandoned(
  record: ChunkRecord,
  { maxAttempts, failure, isHolderGone = false, now }: Abandonment,
): ChunkRecord | undefined {
  if (record.chunk.state !== ChunkState.RUNNING) return undefined;
  const leaseLives = isLeased(record, now);
  if (leaseLives && !isHolderGone) return undefined;
  const isDead = record.chunk.attempts >= maxAttempts;
  const state = isDead ? ChunkState.DEAD : ChunkState.QUEUED;
  // The epoch rises here too: a worker that wakes up now must not commit.
  const epoch = record.chunk.epoch + 1n;
  const next = withoutLease(moved(record, now, { state, epoch, ...(isDead && { failure }) }));
  // It was only silent, if it comes back: what it then writes is what anybody would write, but not into another run.
  return leaseLives ? { ...next, formerLeaseEndMs: leaseEndMs(record) } : next;
}

/** Its job is over: everything but FINISHED and DEAD ends, and a worker that has it loses it. */
export function cancelled(record: ChunkRecord, now: Date): ChunkRecord | undefined {
  const { state, epoch } = record.chunk;
  if (state === ChunkState.FINISHED || state === ChunkState.DEAD || state === ChunkState.CANCELLED) {
    return undefined;
  }
  return { ...moved(record, now, { state: ChunkState.CANCELLED, epoch: epoch + 1n }), progress: noProgress };
}

/**
 * The worker from which it was taken by `cancelled` has stopped: the lease is over at once. Undefined when the lease is not the
 * one of this epoch.
 */
export function released(record: ChunkRecord, epoch: bigint, now: Date): ChunkRecord | undefined {
  if (record.chunk.state !== ChunkState.CANCELLED || record.chunk.epoch !== epoch + 1n) return undefined;
  return withoutLease(moved(record, now, {}));
}

/** The worker that holds it finds that its job does not want it any more. Undefined when the worker lost the lease. */
export function dropped(record: ChunkRecord, epoch: bigint, now: Date): ChunkRecord | undefined {
  if (!holds(record, epoch)) return undefined;
  return withoutLease(moved(record, now, { state: ChunkState.CANCELLED, epoch: epoch + 1n }));
}

/** Whether a worker may still be writing segments of it, although it was taken from it. */
export function mayStillWrite(record: Pick<ChunkRecord, 'chunk' | 'formerLeaseEndMs'>, now: Date): boolean {
  return Math.max(leaseEndMs(record), record.formerLeaseEndMs ?? 0) > now.getTime();
}
