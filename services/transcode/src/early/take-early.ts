import { ChunkState } from '@kerkis/contracts/transcode';
import { isKerkisError } from '@kerkis/errors';
import { toNumber } from '@kerkis/media';
import type { ObjectStore } from '@kerkis/objects';
import type { ChunkRecord, TrackMeasure } from '../domain/chunk.ts';
import type { SegmentsOfTracks } from '../domain/chunk-units.ts';
import type { JobRecord } from '../domain/job.ts';
import { planChunks } from '../domain/plan-chunks.ts';
import { initKey, segmentKey } from '../domain/segment-keys.ts';
import { secondsBetween, type TrackRuns, trackRuns } from '../domain/track-runs.ts';
import type { ChunkStore } from '../store/chunks.ts';
import { chunkFingerprint, earlyChunkId, isEarly } from './early-chunks.ts';
import { uploadIdOf } from './early-job.ts';

/** What taking over early work needs. */
export interface TakeEarlyDependencies {
  readonly chunks: Pick<ChunkStore, 'findChunk'>;
  readonly objects: Pick<ObjectStore, 'copy' | 'getBytes' | 'growing' | 'head' | 'localPath'>;
}

/** What a worker needs for it. */
export interface TakeChunkDependencies extends TakeEarlyDependencies {
  /** Called when a segment is there, the init segment as number 0. */
  readonly onStored: (record: ChunkRecord, track: string, segment: number) => void;
  /** Told of each chunk that need not be encoded any more. */
  readonly earlyTaken: (record: ChunkRecord) => void;
}

/** So many segments are on their way at a time. */
const atATime = 8;
const maxInitBytes = 64 * 1024;

/**
 * Stores the segments of a chunk by taking those that were made while the source was on its way, where they are what encoding it now would
 * give. Undefined where there are none: then it is to be encoded. `assertHeld` throws when nothing must be written any more.
 */
export async function takeEarlyChunk(
  deps: TakeChunkDependencies,
  job: JobRecord,
  record: ChunkRecord,
  assertHeld: () => void,
): Promise<Record<string, TrackMeasure> | undefined> {
  if (record.extra || record.side || isEarly(job) || !job.plan) return undefined;
  const early = await findEarlyChunk(deps, job, record.chunk);
  if (!early) return undefined;
  const runs = trackRuns(job.plan);
  const usualSeconds = toNumber(job.plan.grid.segmentSeconds);
  const measured: Record<string, TrackMeasure> = {};
  try {
    for (const track of early.chunk.tracks) {
      const lane = runs.get(track);
      if (!lane || !(await takeInit(deps, early, record, track, assertHeld))) return undefined;
      measured[track] = await takeTrack(deps, early, record, { lane, usualSeconds, assertHeld });
    }
  } catch (error) {
    // Its job is over, and what it made is being deleted.
    if (isKerkisError(error) && error.kind === 'not_found') return undefined;
    throw error;
  }
  deps.earlyTaken(record);
  return measured;
}

/** The same for one segment that somebody waits for, 0 being the init segment. Returns whether it is stored. */
export async function takeEarlySegment(
  deps: TakeEarlyDependencies,
  job: JobRecord,
  track: string,
  segment: number,
): Promise<boolean> {
  if (!deps.objects.growing || !job.plan) return false;
  const wanted = Math.max(1, segment);
  const planned = planChunks(job.plan, job.chunkSeconds).find(
    ({ tracks, firstSegment, segmentCount }) =>
      tracks.includes(track) && firstSegment <= wanted && wanted < firstSegment + segmentCount,
  );
  const early = planned && (await findEarlyChunk(deps, job, planned));
  if (!early) return false;
  try {
    // A segment is good for nothing without the init segment that it was made with.
    if (!(await takeInit(deps, early, job.job, track, () => {}))) return false;
    if (segment > 0)
      await takeObject(deps, segmentKey(early, track, segment), segmentKey(job.job, track, segment));
    return true;
  } catch (error) {
    if (isKerkisError(error) && error.kind === 'not_found') return false;
    throw error;
  }
}

/** The finished early chunk that made the very same as this one would. */
async function findEarlyChunk(
  { chunks, objects }: TakeEarlyDependencies,
  { plan, source }: JobRecord,
  planned: SegmentsOfTracks,
): Promise<ChunkRecord | undefined> {
  if (!objects.growing || !objects.localPath || !plan) return undefined;
  const found = await chunks.findChunk(earlyChunkId(uploadIdOf(source.objectKey), planned));
  if (found?.chunk.state !== ChunkState.FINISHED || found.fingerprint === undefined) return undefined;
  const { tracks, firstSegment, segmentCount } = planned;
  const path = objects.localPath(source.objectKey);
  const fingerprint = await chunkFingerprint(plan, { tracks, firstSegment, segmentCount }, path);
  return fingerprint === found.fingerprint ? found : undefined;
}

type Place = Pick<ChunkRecord, 'assetId' | 'generationId'>;

/** False when the track has another init segment already. */
async function takeInit(
  { objects }: TakeEarlyDependencies,
  from: Place,
  to: Place,
  track: string,
  assertHeld: () => void,
): Promise<boolean> {
  const [made, key] = [initKey(from, track), initKey(to, track)];
  assertHeld();
  if (await takeObject({ objects }, made, key)) return true;
  const [mine, stored] = await Promise.all(
    [made, key].map((each) => objects.getBytes(each, { maxBytes: maxInitBytes })),
  );
  return mine !== undefined && stored !== undefined && Buffer.compare(mine, stored) === 0;
}

interface TakeTrackConditions {
  readonly lane: TrackRuns;
  /** Length of most segments. */
  readonly usualSeconds: number;
  readonly assertHeld: () => void;
}

/** Whoever stored a segment before is first. */
async function takeTrack(
  { objects, onStored }: TakeChunkDependencies,
  early: ChunkRecord,
  record: ChunkRecord,
  { lane, usualSeconds, assertHeld }: TakeTrackConditions,
): Promise<TrackMeasure> {
  const { firstSegment, segmentCount } = early.chunk;
  const { track } = lane;
  const before = early.measured[track];
  let sizeBytes = before?.sizeBytes ?? 0;
  let peakBandwidthBps = before?.peakBandwidthBps ?? 0;
  const take = async (segment: number) => {
    assertHeld();
    const [made, key] = [segmentKey(early, track, segment), segmentKey(record, track, segment)];
    if (!(await takeObject({ objects }, made, key))) {
      const [mine, stored] = await Promise.all([objects.head(made), objects.head(key)]);
      sizeBytes += (stored?.sizeBytes ?? 0) - (mine?.sizeBytes ?? 0);
      const seconds = secondsBetween(lane, segment, 1);
      // A short one says nothing about a bandwidth.
      const isUsual = seconds >= usualSeconds / 2;
      if (isUsual) peakBandwidthBps = Math.max(peakBandwidthBps, ((stored?.sizeBytes ?? 0) * 8) / seconds);
    }
    onStored(record, track, segment);
  };
  onStored(record, track, 0);
  for (let first = firstSegment; first < firstSegment + segmentCount; first += atATime) {
    const count = Math.min(atATime, firstSegment + segmentCount - first);
    await Promise.all(Array.from({ length: count }, (_, i) => take(first + i)));
  }
  return { segmentCount, sizeBytes, peakBandwidthBps };
}

/** False when there is such an object already. */
async function takeObject(
  { objects }: Pick<TakeEarlyDependencies, 'objects'>,
  from: string,
  to: string,
): Promise<boolean> {
  try {
    await objects.copy(from, to, { ifAbsent: true });
    return true;
  } catch (error) {
    if (isKerkisError(error) && error.kind === 'already_exists') return false;
    throw error;
  }
}
