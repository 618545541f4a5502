import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ChunkClass, ChunkSchema, ChunkState } from '@kerkis/contracts/transcode';
import { idForRequest } from '@kerkis/ids';
import { type ChunkRecord, noProgress } from './chunk.ts';
import { encodersFor } from './hardware-need.ts';
import type { JobRecord } from './job.ts';
import type { PlannedChunk } from './plan-chunks.ts';
import type { PlannedSideWork, SideWork, SideWorkOf } from './side-work.ts';

type Run = Pick<JobRecord, 'run'> & { readonly job: Pick<JobRecord['job'], 'id'> };

/**
 * Id of a planned chunk: added twice it is one, and a job that is started again shares no chunk with its former run. It does not hang
 * on which other chunks the plan has.
 */
export const plannedChunkId = (
  { job, run }: Run,
  { tracks, firstSegment }: Pick<PlannedChunk, 'tracks' | 'firstSegment'>,
): string => idForRequest('unt', `${job.id}:${run}:${tracks[0]}:${firstSegment}`);

/** Id of the chunk that was made because somebody waits for a segment: however many do, it is one. */
export const extraChunkId = ({ job, run }: Run, track: string, segment: number): string =>
  idForRequest('unt', `${job.id}:${run}:extra:${track}:${segment}`);

/** Id of a chunk of side work: one for each kind and name. */
export const sideChunkId = ({ job, run }: Run, work: Pick<SideWork, 'kind' | 'name'>): string =>
  idForRequest('unt', `${job.id}:${run}:side:${work.kind}:${work.name}`);

/** Side work comes after all chunks of segments, and from here on. */
export const firstSideOrder = 80_000_000;
/** Extra chunks come last, in no order. */
export const extraOrder = 90_000_000;

/** A chunk of the plan that waits for its turn. */
export function plannedChunk(job: JobRecord, planned: PlannedChunk): ChunkRecord {
  const { tracks, firstSegment, segmentCount, order } = planned;
  return newChunk(job, {
    chunk: {
      id: plannedChunkId(job, planned),
      tracks: [...tracks],
      firstSegment,
      segmentCount,
      class: planned.class,
      state: ChunkState.PENDING,
      encoders: encodersOf(job, tracks),
    },
    order,
    extra: false,
  });
}

/** Side work of the plan that waits for its turn. */
export function sideChunk(
  job: JobRecord,
  { work, class: kind }: PlannedSideWork,
  place: number,
): ChunkRecord {
  return newChunk(job, {
    chunk: {
      id: sideChunkId(job, work),
      class: kind,
      state: ChunkState.PENDING,
      sideWork: work.kind,
    },
    order: firstSideOrder + place,
    extra: false,
    side: work,
  });
}

/** Segments of one track that somebody waits for, on their way into the queue. */
export function extraChunk(
  job: JobRecord,
  track: string,
  { firstSegment, segmentCount }: Pick<PlannedChunk, 'firstSegment' | 'segmentCount'>,
): ChunkRecord {
  const id = extraChunkId(job, track, firstSegment);
  return newChunk(job, {
    chunk: {
      id,
      tracks: [track],
      firstSegment,
      segmentCount,
      class: ChunkClass.URGENT,
      state: ChunkState.QUEUED,
      encoders: encodersOf(job, [track]),
    },
    order: extraOrder,
    extra: true,
    wantedAtMs: Date.now(),
  });
}

/** A picture that somebody waits for, on its way into the queue. */
export function thumbnailChunk(
  job: JobRecord,
  { timeMs, width }: Pick<SideWorkOf<'thumbnail'>, 'timeMs' | 'width'>,
): ChunkRecord {
  const side: SideWork = { kind: 'thumbnail', name: `${timeMs}-${width}`, needs: [], timeMs, width };
  return newChunk(job, {
    chunk: {
      id: sideChunkId(job, side),
      class: ChunkClass.URGENT,
      state: ChunkState.QUEUED,
      sideWork: side.kind,
    },
    order: extraOrder,
    extra: true,
    wantedAtMs: Date.now(),
    side,
  });
}

const encodersOf = ({ plan }: JobRecord, tracks: readonly string[]) =>
  plan ? encodersFor(plan, tracks) : [];

function newChunk(
  { job, run }: JobRecord,
  {
    chunk,
    ...rest
  }: Pick<ChunkRecord, 'order' | 'extra' | 'wantedAtMs' | 'side'> & {
    chunk: MessageInitShape<typeof ChunkSchema>;
  },
): ChunkRecord {
  return {
    ...rest,
    chunk: create(ChunkSchema, { ...chunk, jobId: job.id }),
    assetId: job.assetId,
    generationId: job.generationId,
    run,
    progress: noProgress,
    measured: {},
    changedAt: new Date(),
  };
}
