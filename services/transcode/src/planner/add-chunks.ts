import { setImmediate as breathe } from 'node:timers/promises';
import { ChunkClass, JobState } from '@kerkis/contracts/transcode';
import { type ChunkRecord, cancelled } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import { plannedChunk, sideChunk } from '../domain/new-chunk.ts';
import { chunksNow, sideWorkNow } from '../domain/per-title.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** What adding the chunks of a job needs. */
export interface AddChunksDependencies {
  readonly jobs: Pick<JobStore, 'findJob'>;
  readonly chunks: Pick<ChunkStore, 'addChunks' | 'changeChunk' | 'removeChunk'>;
}

/** A film has hundreds of chunks: so many are written at a time, and others get their turn in between. */
const atATime = 100;

/**
 * Adds the chunks that a running job's record says there are, except the `known` ones; `headsAdded` is called when everything is
 * there that a viewer may be waiting for. A job that ended meanwhile may have been cleaned up before the last of them came: they end
 * with it.
 */
export async function addChunks(
  { jobs, chunks }: AddChunksDependencies,
  record: JobRecord,
  {
    known = new Set(),
    headsAdded = async () => {},
  }: { known?: ReadonlySet<string>; headsAdded?: () => Promise<void> } = {},
): Promise<void> {
  const { job, run } = record;
  if (job.state !== JobState.RUNNING) return;
  const wanted = [
    ...chunksNow(record).map((each) => plannedChunk(record, each)),
    ...sideWorkNow(record).map((each, place) => sideChunk(record, each, place)),
  ].filter(({ chunk }) => !known.has(chunk.id));
  const { heads = [], rest = [] } = Object.groupBy(wanted, ({ chunk }) =>
    chunk.class === ChunkClass.HEAD ? 'heads' : 'rest',
  );
  await chunks.addChunks(heads);
  await headsAdded();
  for (let from = 0; from < rest.length; from += atATime) {
    await chunks.addChunks(rest.slice(from, from + atATime));
    await breathe();
  }

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
