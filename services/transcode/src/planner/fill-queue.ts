import { ChunkClass, ChunkState, JobState } from '@kerkis/contracts/transcode';
import type { TaskClass } from '@kerkis/events';
import { type ChunkRecord, queued } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';

/** Puts the task of a chunk into the work queue. `tryId` tells one publishing of it from the next. */
export type PublishChunk = (record: ChunkRecord, tryId: string) => Promise<void>;

/** What filling the queue needs. */
export interface FillQueueDependencies {
  readonly jobs: Pick<JobStore, 'countInState'>;
  readonly chunks: Pick<ChunkStore, 'inState' | 'sideInState' | 'changeChunk'>;
  readonly publish: PublishChunk;
  /** Most bulk chunks that wait in the queue, over all running jobs; each job has one at least. */
  readonly windowChunks: number;
}

/** Heads of one job that are looked at in one go: more than any ladder has lanes, or a short asset chunks. */
const maxHeads = 100;

/**
 * Puts all heads of a running job into the queue, and keeps a small window of its other chunks there: with few of each,
 * first-in-first-out is fair between jobs, and a cancelled job leaves little behind. The window is shared by the jobs that run. Side work
 * is little, and goes there as soon as the tracks that it needs are complete and no head waits any more.
 */
export async function fillQueue(deps: FillQueueDependencies, job: JobRecord): Promise<void> {
  const { chunks, windowChunks, jobs } = deps;
  if (job.job.state !== JobState.RUNNING) return;
  const [running, waiting, sides] = await Promise.all([
    jobs.countInState(JobState.RUNNING),
    chunks.inState(job, ChunkState.QUEUED, maxHeads + windowChunks),
    chunks.sideInState(job, ChunkState.PENDING),
  ]);
  const window = Math.max(1, Math.ceil(windowChunks / Math.max(1, running)));
  const free = window - waiting.filter(isBulk).length;
  const pending = await chunks.inState(job, ChunkState.PENDING, maxHeads + window);
  const heads = pending.filter(isHead);
  const bulk = pending.filter(isBulk).slice(0, Math.max(0, free));
  const noHeadWaits = heads.length === 0 && !waiting.some(isHead);
  const side = sides.filter((record) => isReady(job, record, noHeadWaits));
  // The order in the queue is the order of the plan.
  for (const { chunk } of [...heads, ...side, ...bulk]) await giveOut(deps, chunk.id);
}

const isHead = ({ chunk, extra, side }: ChunkRecord) => chunk.class === ChunkClass.HEAD && !extra && !side;
const isBulk = ({ chunk, extra, side }: ChunkRecord) => chunk.class === ChunkClass.BULK && !extra && !side;

function isReady({ tracks }: JobRecord, { side }: ChunkRecord, noHeadWaits: boolean): boolean {
  const complete = new Set(tracks.filter((track) => track.complete).map(({ name }) => name));
  return (
    (noHeadWaits || side?.kind === 'look' || side?.kind === 'copy') &&
    side?.needs.every((track) => complete.has(track)) === true
  );
}

async function giveOut({ chunks, publish }: FillQueueDependencies, chunkId: string): Promise<void> {
  const record = await chunks.changeChunk(chunkId, (current) => {
    const next = queued(current, new Date());
    return next && { record: next };
  });
  if (record) await publish(record, `${record.chunk.epoch}`);
}

/** The class of tasks that a chunk travels in. */
export function taskClassOf({ chunk }: ChunkRecord): TaskClass {
  if (chunk.class === ChunkClass.URGENT) return 'urgent';
  return chunk.class === ChunkClass.HEAD ? 'head' : 'bulk';
}
