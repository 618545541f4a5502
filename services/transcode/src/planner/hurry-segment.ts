import { ChunkState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import { oddSegments } from '@kerkis/media';
import type { ObjectStore } from '@kerkis/objects';
import { type ChunkRecord, hurried, stillWanted } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import { extraChunk, extraChunkId, plannedChunkId } from '../domain/new-chunk.ts';
import { planChunks } from '../domain/plan-chunks.ts';
import { isSilent, reachesSoon } from '../domain/reaches-soon.ts';
import { segmentKey } from '../domain/segment-keys.ts';
import { secondsOf, segmentCountOf, trackRuns } from '../domain/track-runs.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { PublishChunk } from './fill-queue.ts';

/** What hurrying a segment needs. */
export interface HurrySegmentDependencies {
  readonly chunks: AddExtraDependencies['chunks'] &
    Pick<ChunkStore, 'findChunk' | 'changeChunk' | 'removeChunk'>;
  readonly objects: Pick<ObjectStore, 'head'>;
  readonly publish: PublishChunk;
  /** Segments that are made for a viewer who goes on from one that is stored. */
  readonly urgentSegments: number;
}

/** After so long a chunk that died is given another chance by whoever asks next. */
const retryMs = 30_000;

/**
 * Sees to it that somebody makes a segment of a running job soon: a chunk that will have it in a moment, or a chunk of its own for this
 * segment, and for the next ones of its track if the one before it is stored. Segment 0 is the init segment, which every chunk of the track brings. To be called again while the segment is waited for.
 * Throws SEGMENT_FAILED when the chunk that was made for it died, and URGENT_QUEUE_FULL.
 */
export async function hurrySegment(
  deps: HurrySegmentDependencies,
  job: JobRecord,
  track: string,
  wanted: number,
): Promise<void> {
  const segment = Math.max(1, wanted);
  const cover = await coveringChunk(deps, job, track, segment);
  if (wanted === 0 && !(cover && isSilent(cover, new Date()))) return await hurry(deps, cover);
  const segmentSeconds = meanSegmentSeconds(job, track);
  if (cover && reachesSoon(cover, { track, segment, segmentSeconds, now: new Date() })) {
    return await hurry(deps, cover);
  }
  if (await isUnderWay(deps, job, track, segment)) return;
  const record = extraChunk(job, track, {
    firstSegment: segment,
    segmentCount: await missingFrom(deps, job, track, segment),
  });
  await addExtra(deps, job, record);
}

function meanSegmentSeconds({ plan }: JobRecord, track: string): number {
  const runs = plan && trackRuns(plan).get(track);
  return runs ? secondsOf(runs) / segmentCountOf(runs.runs) : 1;
}

/** The plan says which chunk it is, so it need not be searched for. Undefined while it is not added yet. */
async function coveringChunk(
  { chunks }: HurrySegmentDependencies,
  job: JobRecord,
  track: string,
  segment: number,
): Promise<ChunkRecord | undefined> {
  if (!job.plan) return undefined;
  const planned = planChunks(job.plan, job.chunkSeconds).find(
    ({ tracks, firstSegment, segmentCount }) =>
      tracks.includes(track) && firstSegment <= segment && segment < firstSegment + segmentCount,
  );
  return planned && (await chunks.findChunk(plannedChunkId(job, planned)));
}

/** Moves a chunk that still waits to the front of the queue. */
async function hurry(
  { chunks, publish }: HurrySegmentDependencies,
  cover: ChunkRecord | undefined,
): Promise<void> {
  if (!cover) return;
  const record = await chunks.changeChunk(cover.chunk.id, (current) => {
    const next = hurried(current, new Date());
    return next && { record: next };
  });
  if (record) await publish(record, `${record.chunk.epoch}-urgent`);
}

/** Whether an extra chunk already is on its way to this segment. One that ended without it is removed. */
async function isUnderWay(
  { chunks, urgentSegments }: HurrySegmentDependencies,
  job: JobRecord,
  track: string,
  segment: number,
): Promise<boolean> {
  for await (const found of extrasFor(chunks, job, { track, segment, most: urgentSegments })) {
    const { state } = found.chunk;
    if (isComing(found)) {
      await keepWanted(chunks, found);
      return true;
    }
    if (found.chunk.firstSegment !== segment) continue;
    if (state === ChunkState.DEAD && Date.now() - found.changedAt.getTime() < retryMs) throw died(found);
    await chunks.removeChunk(found.chunk.id);
  }
  return false;
}

const isComing = ({ chunk: { state } }: ChunkRecord) =>
  state === ChunkState.QUEUED || state === ChunkState.RUNNING;

/** Extra chunks with a segment, of at most so many segments each. */
async function* extrasFor(
  chunks: Pick<ChunkStore, 'findChunk'>,
  job: JobRecord,
  { track, segment, most }: { track: string; segment: number; most: number },
): AsyncGenerator<ChunkRecord> {
  for (let first = segment; first >= Math.max(1, segment - most + 1); first--) {
    const found = await chunks.findChunk(extraChunkId(job, track, first));
    if (found && first + found.chunk.segmentCount > segment) yield found;
  }
}

/** What adding an extra chunk needs. */
export interface AddExtraDependencies {
  readonly chunks: Pick<ChunkStore, 'addChunk' | 'countExtrasQueued'>;
  readonly publish: PublishChunk;
}

/** Extra chunks of one job that wait for a worker: viewers of one asset must not keep those of all others waiting. */
const maxExtrasQueued = 64;

/** Puts an extra chunk into the queue, once. Throws URGENT_QUEUE_FULL while too many of its job wait. */
export async function addExtra(
  { chunks, publish }: AddExtraDependencies,
  job: JobRecord,
  record: ChunkRecord,
): Promise<void> {
  if ((await chunks.countExtrasQueued(job)) >= maxExtrasQueued) {
    throw new KerkisError(
      'unavailable',
      'URGENT_QUEUE_FULL',
      'Too many places of this asset are waited for at a time. Ask again in a moment.',
      { details: { jobId: job.job.id } },
    );
  }
  if (await chunks.addChunk(record)) await publish(record, `urgent-${Date.now()}`);
}

/** Somebody waits for an extra chunk that is on its way: it stays in the queue. */
export async function keepWanted(chunks: Pick<ChunkStore, 'changeChunk'>, found: ChunkRecord): Promise<void> {
  if (!stillWanted(found, new Date())) return;
  await chunks.changeChunk(found.chunk.id, (current) => {
    const next = stillWanted(current, new Date());
    return next && { record: next };
  });
}

/**
 * How many segments to make: up to the next one that is stored, or the end of the track. Whoever seeks waits for one alone, which is there sooner
 * when the encoder does not look ahead to others; whoever has what comes before it, or waits for that too, plays on.
 */
async function missingFrom(
  deps: HurrySegmentDependencies,
  record: JobRecord,
  track: string,
  segment: number,
): Promise<number> {
  const { objects, urgentSegments } = deps;
  const { job, tracks } = record;
  const all = segmentCountOf(tracks.find(({ name }) => name === track)?.segments ?? []);
  const most = (await playsOn(deps, record, track, segment))
    ? Math.min(urgentSegments, all - segment + 1)
    : 1;
  const following = Array.from({ length: most - 1 }, (_, i) => segment + 1 + i);
  const stored = await Promise.all(following.map((next) => objects.head(segmentKey(job, track, next))));
  const gap = stored.findIndex((info) => info !== undefined);
  return gap < 0 ? most : gap + 1;
}

async function playsOn(
  { chunks, objects, urgentSegments }: HurrySegmentDependencies,
  record: JobRecord,
  track: string,
  segment: number,
): Promise<boolean> {
  if (segment === 1 || (record.plan && segment <= oddSegments(record.plan.grid))) return false;
  if (await objects.head(segmentKey(record.job, track, segment - 1))) return true;
  const before = { track, segment: segment - 1, most: urgentSegments };
  for await (const found of extrasFor(chunks, record, before)) if (isComing(found)) return true;
  return false;
}

const died = ({ chunk: { failure } }: ChunkRecord) =>
  new KerkisError('unavailable', 'SEGMENT_FAILED', 'The segment could not be made. Ask again in a moment.', {
    details: { reason: failure?.reason ?? '', message: failure?.message ?? '' },
  });
