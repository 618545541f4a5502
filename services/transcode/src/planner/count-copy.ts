import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { ChunkState } from '@kerkis/contracts/transcode';
import type { ChunkRecord } from '../domain/chunk.ts';
import { copied } from '../domain/copied-job.ts';
import { type JobRecord, restartedWithout } from '../domain/job.ts';
import { jobFinished } from '../events.ts';
import type { CountJobDependencies } from './count-job.ts';

/**
 * Counts a job that copies what another one made: it ends with its copy. When that died, the job begins anew as one that is encoded, after what was
 * copied is deleted: another encoder, or another version of it, would not go on with the same bytes.
 */
export async function countCopy(
  { jobs, addChunks, fillQueue, jobEnded, restart }: CountJobDependencies,
  before: JobRecord,
  chunks: readonly ChunkRecord[],
): Promise<void> {
  const copy = chunks.find(({ side }) => side?.kind === 'copy');
  if (!copy) await addChunks(before, new Set());
  const state = copy?.chunk.state;
  if (state === ChunkState.FINISHED) {
    const done = await jobs.changeJob(before.job.id, (record) => {
      const next = record.run === before.run ? copied(record, new Date()) : undefined;
      return next && { record: next, events: [jobFinished(next)] };
    });
    if (done) jobEnded(done, 'finished');
    return;
  }
  if (copy && (state === ChunkState.DEAD || state === ChunkState.CANCELLED)) {
    const reason = copy.chunk.failure ?? copyLost;
    const again = await jobs.changeJob(before.job.id, (record) => {
      const next =
        record.run === before.run ? restartedWithout(record, 'withoutCopy', reason, new Date()) : undefined;
      return next && { record: next };
    });
    if (again) await restart(again.job.id);
    return;
  }
  await fillQueue(before);
}

const copyLost = create(FailureSchema, {
  reason: 'COPY_CANCELLED',
  message: 'The copy was cancelled. It is encoded instead.',
});
