import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import type { ObjectStore } from '@kerkis/objects';
import { cancelled, type JobRecord } from '../domain/job.ts';
import { assetPrefix, generationPrefix } from '../domain/segment-keys.ts';
import { generationDeleted as generationDeletedEvent, mediaDeleted } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { DeletionStore, MediaToGo } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';
import { cleanUpJob, type EndJobDependencies, endJob, takeChunks } from './end-job.ts';

/** What deleting media needs. */
export interface DeleteMediaDependencies {
  readonly jobs: Pick<JobStore, 'changeJob' | 'findJob' | 'findByGeneration' | 'jobsOf' | 'removeEndedJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'changeChunk' | 'removeChunk'>;
  readonly deletions: Pick<DeletionStore, 'closeDeletion'>;
  readonly jobEnded: EndJobDependencies['jobEnded'];
  readonly objects: Pick<ObjectStore, 'deletePrefix'>;
  /** Ends the early work on an asset. False while a worker may still be writing. */
  readonly endEarly: (assetId: string) => Promise<boolean>;
}

/**
 * Ends every job of an asset, or that of one generation, deletes what they stored and their records, and confirms it. Does nothing
 * while a worker may still be writing: the reconciler comes back. Returns whether it is done.
 */
export async function deleteMedia(deps: DeleteMediaDependencies, media: MediaToGo): Promise<boolean> {
  if (media.generationId === undefined && !(await deps.endEarly(media.assetId))) return false;
  const jobs = await jobsOf(deps, media);
  const failure = media.generationId === undefined ? assetDeleted : generationDeleted;
  for (const record of jobs) {
    await endJob(deps, record.job.id, cancelled, failure);
    if (!(await cleanUpJob(deps, record.job.id))) return false;
    // Pictures are also made for a job that is finished.
    if (await takeChunks(deps, record)) return false;
  }
  await deps.objects.deletePrefix(prefixOf(media));
  for (const { job } of jobs) {
    for await (const { chunk } of deps.chunks.chunksOf(job.id)) await deps.chunks.removeChunk(chunk.id);
    if (!(await deps.jobs.removeEndedJob(job.id))) return false;
  }
  await deps.deletions.closeDeletion(media, confirmation(media));
  return true;
}

/** Everything that is to go lies below this prefix. */
export const prefixOf = ({ assetId, generationId }: MediaToGo): string =>
  generationId === undefined ? assetPrefix(assetId) : generationPrefix({ assetId, generationId });

async function jobsOf(
  { jobs }: DeleteMediaDependencies,
  { assetId, generationId }: MediaToGo,
): Promise<JobRecord[]> {
  if (generationId === undefined) return await jobs.jobsOf(assetId);
  const found = await jobs.findByGeneration(generationId);
  return found ? [found] : [];
}

const confirmation = ({ assetId, generationId }: MediaToGo) =>
  generationId === undefined ? mediaDeleted(assetId) : generationDeletedEvent({ assetId, generationId });

const assetDeleted = create(FailureSchema, {
  reason: 'ASSET_DELETED',
  message: 'The asset was deleted while it was being encoded.',
});

const generationDeleted = create(FailureSchema, {
  reason: 'GENERATION_DELETED',
  message: 'The generation was deleted while it was being encoded.',
});
