import type { Failure } from '@kerkis/contracts/media';
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import { type ChunkRecord, cancelled } from '../domain/chunk.ts';
import { countChunks } from '../domain/count-chunks.ts';
import { countSide, withQualities, withTexts } from '../domain/count-side.ts';
import { finished, type JobRecord, offering, progressed } from '../domain/job.ts';
import { offeredAhead } from '../domain/offered-tracks.ts';
import { chunksNow, ladderDecided } from '../domain/per-title.ts';
import { jobFinished, trackFinished, tracksRevised } from '../events.ts';
import type { ChunkStore } from '../store/chunks.ts';
import type { JobStore } from '../store/jobs.ts';
import { countCopy } from './count-copy.ts';
import type { EndJobDependencies } from './end-job.ts';

/** What counting a job needs. */
export interface CountJobDependencies {
  readonly jobs: Pick<JobStore, 'changeJob' | 'findJob'>;
  readonly chunks: Pick<ChunkStore, 'plannedOf' | 'extrasOf' | 'changeChunk'>;
  /** Adds the chunks that are missing. */
  readonly addChunks: (record: JobRecord, known: ReadonlySet<string>) => Promise<void>;
  readonly fillQueue: (record: JobRecord) => Promise<void>;
  readonly jobEnded: EndJobDependencies['jobEnded'];
  /** Told when the ladder of a job was decided after the look at its content. */
  readonly ladderDecided: (record: JobRecord) => void;
  /** Fails the job for good. */
  readonly endJob: (jobId: string, failure: Failure) => Promise<unknown>;
  /** Deletes what a job has stored that begins anew, and plans it. The reconciler does it if this process dies. */
  readonly restart: (jobId: string) => Promise<void>;
}

/**
 * Counts a job from the records of its chunks, tells of tracks that became complete, and ends the job with its last chunk, or
 * with one of segments that is dead; side work that is dead is done without. Counting from the records makes it idempotent: whoever
 * comes last sees all.
 */
export async function countJob(deps: CountJobDependencies, jobId: string): Promise<void> {
  const { jobs, chunks, addChunks, fillQueue, endJob, jobEnded } = deps;
  const before = await jobs.findJob(jobId);
  if (before?.job.state !== JobState.RUNNING) return;
  const planned = await Array.fromAsync(chunks.plannedOf(before));
  if (before.copyOf) {
    return await countCopy(deps, before, planned);
  }
  const records = planned.filter(({ side }) => !side);
  const dead = records.find(({ chunk }) => chunk.state === ChunkState.DEAD);
  if (dead?.chunk.failure) {
    await endJob(jobId, dead.chunk.failure);
    return;
  }
  // Whoever planned it died before it had added all of them.
  const side = countSide(before, planned);
  if (records.length < chunksNow(before).length || side.isMissing)
    await addChunks(before, new Set(planned.map(({ chunk }) => chunk.id)));
  const look = planned.find(({ side: work }) => work?.kind === 'look');
  const count = countChunks(before.tracks, records);
  let ladder = 'as before' as 'as before' | 'decided here' | 'decided elsewhere';
  const after = await jobs.changeJob(jobId, (record) => {
    if (record.run !== before.run) return undefined;
    ladder = record.ladderOutcome === before.ladderOutcome ? 'as before' : 'decided elsewhere';
    const next = ladder === 'as before' ? progressed(record, count, new Date()) : undefined;
    if (!next) return undefined;
    const complete = next.tracks.filter((track, i) => track.complete && !record.tracks[i]?.complete);
    const events = complete.map((track) => trackFinished(next, track));
    const decided = ladderDecided(next, look);
    if (decided) {
      ladder = 'decided here';
      return { record: decided, events: [...events, ...revisedSince(next, decided)] };
    }
    const tracks = withQualities(withTexts(next.tracks, side.texts), side.qualities);
    const end = side.hasEnded ? finished({ ...next, tracks }, side.artefacts, new Date()) : undefined;
    if (end) return { record: end, events: [...events, jobFinished(end)] };
    const revised = offering(next, offeredAhead(tracks, records));
    return revised
      ? { record: revised, events: [...events, tracksRevised(revised)] }
      : { record: next, events };
  });
  if (after && ladder === 'decided here') deps.ladderDecided(after);
  // There are other chunks now, and other side work.
  if (ladder !== 'as before') return await countJob(deps, jobId);
  if (after) await fillQueue(after);
  if (after?.job.state !== JobState.FINISHED) return;
  jobEnded(after, 'finished');
  // Everything is stored: segments that were made because somebody waited are not needed any more, nor side work of former plans.
  const isSide = ({ side: work }: ChunkRecord) => work !== undefined;
  const extras = await Array.fromAsync(chunks.extrasOf(before));
  for (const { chunk } of [...planned.filter(isSide), ...extras.filter((each) => !isSide(each))]) {
    await chunks.changeChunk(chunk.id, (current) => {
      const next = cancelled(current, new Date());
      return next && { record: next };
    });
  }
}

const revisedSince = (before: JobRecord, after: JobRecord) =>
  after.revision > before.revision ? [tracksRevised(after)] : [];
