import { ChunkState } from '@kerkis/contracts/transcode';
import type { QueueLag, TaskClass } from '@kerkis/events';
import type { PublishChunk } from '../planner/fill-queue.ts';
import type { ChunkStore } from '../store/chunks.ts';
import { chunkFingerprint, earlyChunk, earlyChunkId, readyChunks } from './early-chunks.ts';
import type { EarlyJob } from './early-job.ts';
import type { EarlyStore } from './early-store.ts';
import { type GrowingObjects, pathOfGrowing } from './growing-source.ts';

/** What giving out early work needs. */
export interface GiveOutEarlyDependencies {
  readonly early: Pick<EarlyStore, 'findEarly' | 'changeEarly'>;
  readonly chunks: Pick<ChunkStore, 'addChunk' | 'chunksOf' | 'removeChunk'>;
  readonly objects: GrowingObjects;
  readonly publish: PublishChunk;
  readonly queueLag: () => Promise<Record<TaskClass, QueueLag>>;
}

/** So few wait in the queue at a time: what a source that is complete needs comes right behind them. */
const maxQueued = 2;

/** Puts early chunks into the queue, as long as nothing else waits in it. To be called whenever something may have changed. */
export async function giveOutEarly(deps: GiveOutEarlyDependencies, id: string): Promise<void> {
  const { early, chunks } = deps;
  const job = await early.findEarly(id);
  if (job?.state !== 'open' || !job.early || job.isHopeless) return;
  const ready = readyChunks(job);
  if (ready.length === 0) return;
  const all = await Array.fromAsync(chunks.chunksOf(id));
  if (all.some(({ chunk }) => chunk.state === ChunkState.DEAD)) return await giveUp(deps, id);
  const queued = all.filter(({ chunk }) => chunk.state === ChunkState.QUEUED).length;
  const room = Math.min(maxQueued - queued, await freePlaces(deps, queued));
  const known = new Map(all.map((record) => [record.chunk.id, record]));
  const next = ready.filter((planned) => !known.has(earlyChunkId(job.uploadId, planned)));
  for (const planned of next.slice(0, Math.max(0, room))) await giveOut(deps, job, planned);
}

async function giveOut(
  { early, chunks, objects, publish }: GiveOutEarlyDependencies,
  job: EarlyJob,
  planned: ReturnType<typeof readyChunks>[number],
): Promise<void> {
  if (!job.early) return;
  const path = await pathOfGrowing(objects, job);
  const record = earlyChunk(job, planned, await chunkFingerprint(job.early.plan, planned, path));
  if (!(await chunks.addChunk(record))) return;
  // Whoever ends it takes the chunks that are there: this one may have come too late.
  const now = await early.findEarly(job.id);
  if (now?.state === 'open') await publish(record, `early-${Date.now()}`);
  else await chunks.removeChunk(record.chunk.id);
}

/** Everything else goes first. */
async function freePlaces({ queueLag }: GiveOutEarlyDependencies, queued: number): Promise<number> {
  const waiting = Object.values(await queueLag()).reduce((sum, { pending }) => sum + pending, 0);
  return waiting > queued ? 0 : maxQueued;
}

/** What cannot be made of a beginning says nothing about the whole, and nothing is lost. What is finished stays. */
async function giveUp({ early }: GiveOutEarlyDependencies, id: string): Promise<void> {
  await early.changeEarly(id, (job) => (job.isHopeless ? undefined : { ...job, isHopeless: true }));
}
