import { create } from '@bufbuild/protobuf';
import { ChunkSchema, ChunkState, JobState } from '@kerkis/contracts/transcode';
import { idForRequest } from '@kerkis/ids';
import { type ChunkRecord, cancelled, noProgress } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import { type PlannedChunk, planChunks } from '../domain/plan-chunks.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What adding the chunks of a job needs. */
export interface AddChunksDependencies {
  readonly jobs: Pick<JobStore, 'findJob'>;
  readonly chunks: Pick<ChunkStore, 'addChunk' | 'changeChunk' | 'removeChunk'>;
}

/**
 * Adds the chunks that a running job's record says there are, except those that are there already. A job that ended meanwhile
 * may have been cleaned up before the last of them came: they end with it.
 */
export async function addChunks({ jobs, chunks }: AddChunksDependencies, record: JobRecord): Promise<void> {
  const { plan, chunkSeconds, job, run } = record;
  if (job.state !== JobState.RUNNING || !plan) return;
  const wanted = planChunks(plan, chunkSeconds).map((each, order) => newChunk(record, each, order));
  for (const chunk of wanted) await chunks.addChunk(chunk);

  const now = await jobs.findJob(job.id);
  if (now?.run === run && now.job.state === JobState.RUNNING) return;
  for (const { chunk } of wanted) {
    if (!now) await chunks.removeChunk(chunk.id);
    else await chunks.changeChunk(chunk.id, ended);
  }
}

const ended = (chunk: ChunkRecord) => {
  const next = cancelled(chunk, new Date());
  return next && { record: next };
};

function newChunk({ job, run }: JobRecord, planned: PlannedChunk, order: number): ChunkRecord {
  return {
    chunk: create(ChunkSchema, {
      // Added twice it is one; a job that is started again shares no chunk with its former run.
      id: idForRequest('unt', `${job.id}:${run}:${order}`),
      jobId: job.id,
      tracks: [...planned.tracks],
      firstSegment: planned.firstSegment,
      segmentCount: planned.segmentCount,
      class: planned.class,
      state: ChunkState.PENDING,
    }),
    assetId: job.assetId,
    generationId: job.generationId,
    run,
    order,
    makesPoster: planned.makesPoster,
    progress: noProgress,
    measured: {},
    posterStored: false,
    changedAt: new Date(),
  };
}
