import { ChunkState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import type { ChunkRecord } from '../domain/chunk.ts';
import type { JobRecord } from '../domain/job.ts';
import { thumbnailChunk } from '../domain/new-chunk.ts';
import type { SideWorkOf } from '../domain/side-work.ts';
import type { ChunkStore } from '../store/chunks.ts';
import { type AddExtraDependencies, addExtra, keepWanted } from './hurry-segment.ts';

/** What hurrying a thumbnail needs. */
export interface HurryThumbnailDependencies extends AddExtraDependencies {
  readonly chunks: AddExtraDependencies['chunks'] &
    Pick<ChunkStore, 'findChunk' | 'changeChunk' | 'removeChunk'>;
}

/** After so long a picture that could not be made is tried again by whoever asks next. */
const retryMs = 30_000;

/**
 * Sees to it that somebody makes a picture of a planned job's source at once, also when the job is finished. However many ask, it is made
 * once. Throws PICTURE_NOT_AVAILABLE when that has just failed, and URGENT_QUEUE_FULL.
 */
export async function hurryThumbnail(
  deps: HurryThumbnailDependencies,
  job: JobRecord,
  picture: Pick<SideWorkOf<'thumbnail'>, 'timeMs' | 'width'>,
): Promise<void> {
  const { chunks } = deps;
  const record = thumbnailChunk(job, picture);
  const found = await chunks.findChunk(record.chunk.id);
  if (found) {
    const { state } = found.chunk;
    if (state === ChunkState.QUEUED || state === ChunkState.RUNNING) return await keepWanted(chunks, found);
    if (state === ChunkState.DEAD && Date.now() - found.changedAt.getTime() < retryMs) throw died(found);
    await chunks.removeChunk(found.chunk.id);
  }
  await addExtra(deps, job, record);
}

const died = ({ chunk: { failure } }: ChunkRecord) =>
  new KerkisError('not_found', 'PICTURE_NOT_AVAILABLE', 'The picture could not be made.', {
    details: { reason: failure?.reason ?? '', message: failure?.message ?? '' },
  });
