import { ChunkState } from '@kerkis/contracts/transcode';
import type { ChunkRecord } from '../domain/chunk.ts';
import { copied, encoding } from '../domain/copied-job.ts';
import type { JobRecord } from '../domain/job.ts';
import { jobFinished } from '../events.ts';
import type { CountJobDependencies } from './count-job.ts';

/**
 * Counts a job that copies what another one made: it ends with its copy, or is encoded from here on when that died. Returns
 * whether it is to be counted once more, as one that is encoded.
 */
export async function countCopy(
  { jobs, addChunks, fillQueue, jobEnded }: CountJobDependencies,
  before: JobRecord,
  chunks: readonly ChunkRecord[],
): Promise<boolean> {
  const copy = chunks.find(({ side }) => side?.kind === 'copy');
  if (!copy) await addChunks(before, new Set());
  const state = copy?.chunk.state;
  if (state === ChunkState.FINISHED) {
    const done = await jobs.changeJob(before.job.id, (record) => {
      const next = record.run === before.run ? copied(record, new Date()) : undefined;
      return next && { record: next, events: [jobFinished(next)] };
    });
    if (done) jobEnded(done, 'finished');
    return false;
  }
  if (state === ChunkState.DEAD || state === ChunkState.CANCELLED) {
    await jobs.changeJob(before.job.id, (record) => {
      const next = record.run === before.run ? encoding(record) : undefined;
      return next && { record: next };
    });
    return true;
  }
  await fillQueue(before);
  return false;
}
