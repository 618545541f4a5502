import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import type { ObjectStore } from '@kerkis/objects';
import { cancelled } from '../domain/job.ts';
import { assetPrefix } from '../domain/segment-keys.ts';
import { mediaDeleted } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { DeletionStore } from '../store/deletions.ts';
import type { JobStore } from '../store/jobs.ts';
import { cleanUpJob, type EndJobDependencies, endJob } from './end-job.ts';

/** What deleting the media of an asset needs. */
export interface DeleteMediaDependencies {
  readonly jobs: Pick<JobStore, 'changeJob' | 'findJob' | 'jobsOf' | 'removeEndedJob'>;
  readonly chunks: Pick<ChunkStore, 'chunksOf' | 'changeChunk' | 'removeChunk'>;
  readonly deletions: Pick<DeletionStore, 'closeDeletion'>;
  readonly jobEnded: EndJobDependencies['jobEnded'];
  readonly objects: Pick<ObjectStore, 'deletePrefix'>;
}

/**
 * Ends every job of an asset, deletes what they stored and their records, and confirms it. Does nothing while a worker may
 * still be writing: the reconciler comes back. Returns whether it is done.
 */
export async function deleteMedia(deps: DeleteMediaDependencies, assetId: string): Promise<boolean> {
  const jobs = await deps.jobs.jobsOf(assetId);
  for (const { job } of jobs) {
    await endJob(deps, job.id, cancelled, assetDeleted);
    if (!(await cleanUpJob(deps, job.id))) return false;
  }
  await deps.objects.deletePrefix(assetPrefix(assetId));
  for (const { job } of jobs) {
    for await (const { chunk } of deps.chunks.chunksOf(job.id)) await deps.chunks.removeChunk(chunk.id);
    if (!(await deps.jobs.removeEndedJob(job.id))) return false;
  }
  await deps.deletions.closeDeletion(assetId, mediaDeleted(assetId));
  return true;
}

const assetDeleted = create(FailureSchema, {
  reason: 'ASSET_DELETED',
  message: 'The asset was deleted while it was being encoded.',
});
