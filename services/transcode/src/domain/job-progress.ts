import { type Track, TrackKind } from '@kerkis/contracts/media';
import type { Job, TrackProgress } from '@kerkis/contracts/transcode';
import { type ChunkRecord, storedSoFar } from './chunk.ts';
import type { JobRecord } from './job.ts';
import { hasOrder } from './order-set.ts';
import { segmentCountOf } from './track-runs.ts';

/** Sound takes about as much work as so many pixels a second. */
const audioPixels = 500_000;
/** A copied track takes this share of the work of an encoded one. */
const copiedShare = 0.02;
/** Codecs by the first word of their RFC 6381 strings, and how much slower they are than H.264. */
const codecFactors: Readonly<Record<string, number>> = { hvc1: 4, hev1: 4, vp09: 4, av01: 3 };
/** Before that much time has passed the speed so far says nothing. */
const minElapsedMs = 2_000;

/** How much work one segment of a track is, compared with others. */
function segmentWeight({ kind, video, codec, remuxed }: Track): number {
  if (kind !== TrackKind.VIDEO || !video) return audioPixels;
  const rate = video.frameRate ? video.frameRate.num / video.frameRate.den : 25;
  const factor = codecFactors[codec.split('.')[0] ?? ''] ?? 1;
  return video.width * video.height * rate * factor * (remuxed ? copiedShare : 1);
}

/** Share of the whole work that is done, 0 to 1: large pictures count for more. */
export function shareDone(tracks: readonly Track[], segmentsDone: (track: string) => number): number {
  let [all, done] = [0, 0];
  for (const track of tracks) {
    const weight = segmentWeight(track);
    const count = segmentCountOf(track.segments);
    all += weight * count;
    done += weight * Math.min(count, segmentsDone(track.name));
  }
  return all > 0 ? done / all : 0;
}

/** Planned chunks of a job that its record does not tell of yet. */
export interface ChunksInWork {
  readonly running: readonly ChunkRecord[];
  /** In the queue: some of them for the second time. */
  readonly queued: readonly ChunkRecord[];
  /** Finished of late: some of them may be counted already. */
  readonly finished: readonly ChunkRecord[];
}

/**
 * A running job as it is right now: what is counted, what was finished since, and what running chunks have stored so far. A chunk
 * that is finished but not counted yet is in its place, so that nothing ever seems to be taken back.
 */
export function progressNow(record: JobRecord, chunks: ChunksInWork, now: Date): Job {
  const { finished } = chunks;
  const open = new Map([...chunks.queued, ...chunks.running].map((each) => [each.chunk.id, each]));
  const uncounted = finished.filter(({ order, extra }) => !extra && !hasOrder(record.counted, order));
  const over = new Set(finished.map(({ chunk }) => chunk.id));
  const inWork = [...open.values()].filter(({ chunk, extra }) => !extra && !over.has(chunk.id));
  const tracks = record.job.tracks.map((counted) => trackNow(record, counted, inWork, uncounted));
  const done = new Map(tracks.map(({ track, finishedSegmentCount }) => [track, finishedSegmentCount]));
  const progress = Math.max(
    record.job.progress,
    shareDone(record.tracks, (track) => done.get(track) ?? 0),
  );
  const speed = inWork.reduce((sum, { chunk, progress: own }) => sum + own.speed * chunk.tracks.length, 0);
  const elapsedMs = now.getTime() - record.startedAtMs;
  const isKnown = progress > 0 && elapsedMs >= minElapsedMs;
  const remainingMs = isKnown ? BigInt(Math.round((elapsedMs * (1 - progress)) / progress)) : 0n;
  return { ...record.job, tracks, progress, speed, remainingMs };
}

function trackNow(
  { tracks }: JobRecord,
  counted: TrackProgress,
  running: readonly ChunkRecord[],
  uncounted: readonly ChunkRecord[],
): TrackProgress {
  const { track: name, segmentCount } = counted;
  const mine = running.filter(({ chunk, side }) => chunk.tracks.includes(name) || side?.kind === 'copy');
  const stored = mine.reduce((sum, each) => sum + (storedSoFar(each)[name] ?? 0), 0);
  const since = uncounted
    .filter(({ chunk }) => chunk.tracks.includes(name))
    .reduce((sum, { chunk }) => sum + chunk.segmentCount, 0);
  const finishedSegmentCount = Math.min(segmentCount, counted.finishedSegmentCount + since + stored);
  const speed = mine.reduce((sum, { progress }) => sum + progress.speed, 0);
  const left = segmentCount - finishedSegmentCount;
  const track = tracks.find((each) => each.name === name);
  const seconds = track ? secondsLeft(track, left) : 0;
  return {
    ...counted,
    finishedSegmentCount,
    speed,
    progress: segmentCount > 0 ? finishedSegmentCount / segmentCount : 0,
    remainingMs: speed > 0 ? BigInt(Math.round((seconds * 1000) / speed)) : 0n,
  };
}

/**
 * Jobs as one watcher sees them, one after the other: within a run nothing of what was shown is taken back, though a chunk may go from one
 * state to the next while they are looked at.
 */
export function neverBack(): (job: Job, run: number) => Job {
  let shown: { readonly job: Job; readonly run: number } | undefined;
  return (next, run) => {
    const before = shown?.run === run ? shown.job : undefined;
    const known = new Map(before?.tracks.map((track) => [track.track, track]));
    const tracks = next.tracks.map((track) => {
      const last = known.get(track.track);
      if (!last || last.finishedSegmentCount <= track.finishedSegmentCount) return track;
      return { ...track, finishedSegmentCount: last.finishedSegmentCount, progress: last.progress };
    });
    const job = { ...next, tracks, progress: Math.max(next.progress, before?.progress ?? 0) };
    shown = { job, run };
    return job;
  };
}

function secondsLeft({ segments, timescale }: Track, segmentsLeft: number): number {
  const ticks = segments.reduce((sum, { count, duration }) => sum + count * Number(duration), 0);
  return (ticks / timescale) * (segmentsLeft / Math.max(1, segmentCountOf(segments)));
}
