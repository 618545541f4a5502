import { ChunkState } from '@kerkis/contracts/transcode';
import type { ObjectStore } from '@kerkis/objects';
import { cancelled } from '../domain/chunk.ts';
import { generationPrefix } from '../domain/segment-keys.ts';
import { takeChunks } from '../planner/end-job.ts';
import type { ChunkStore } from '../store/chunks.ts';
import { asJob, closed, type EarlyJob, ending } from './early-job.ts';
import type { EarlyStore } from './early-store.ts';

/** What ending early work needs. */
export interface EndEarlyDependencies {
  readonly early: Pick<EarlyStore, 'changeEarly' | 'findEarly' | 'earlyOf' | 'removeEarly'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'changeChunk' | 'removeChunk'>;
  readonly objects: Pick<ObjectStore, 'deletePrefix'>;
}

/** The source is complete: nothing new is begun. What is in work goes on, and what waits does not. */
export async function closeEarly({ early, chunks }: EndEarlyDependencies, id: string): Promise<void> {
  if (!(await early.changeEarly(id, closed))) return;
  for await (const { chunk } of chunks.chunksOf(id)) {
    if (chunk.state !== ChunkState.QUEUED) continue;
    await chunks.changeChunk(chunk.id, (current) => {
      const next = current.chunk.state === ChunkState.QUEUED ? cancelled(current, new Date()) : undefined;
      return next && { record: next };
    });
  }
}

/** Deletes all that early work made, and its records. False while a worker may still be writing: to be called again. */
export async function endEarly(deps: EndEarlyDependencies, id: string): Promise<boolean> {
  const { early, chunks, objects } = deps;
  const job = (await early.changeEarly(id, ending)) ?? (await early.findEarly(id));
  if (!job) return true;
  if (await takeChunks(deps, asJob(job))) return false;
  await objects.deletePrefix(generationPrefix(job));
  for await (const { chunk } of chunks.chunksOf(id)) await chunks.removeChunk(chunk.id);
  await early.removeEarly(id);
  return true;
}

/** The same for all early work on an asset. */
export async function endEarlyOf(deps: EndEarlyDependencies, assetId: string): Promise<boolean> {
  const all: EarlyJob[] = await deps.early.earlyOf(assetId);
  let isDone = true;
  for (const { id } of all) isDone = (await endEarly(deps, id)) && isDone;
  return isDone;
}
