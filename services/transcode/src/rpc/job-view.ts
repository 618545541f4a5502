import { ChunkState, type Job } from '@kerkis/contracts/transcode';
import type { JobRecord } from '../domain/job.ts';
import type { ChunkStore } from '../store/chunks.ts';

/** Running chunks that are looked at for the progress of one job. */
const maxRunning = 100;

/** A job as clients see it: what is recorded, and what its running chunks have done so far. */
export async function jobView(chunks: Pick<ChunkStore, 'inState'>, record: JobRecord): Promise<Job> {
  const { job } = record;
  const running = await chunks.inState(record, ChunkState.RUNNING, maxRunning);
  const tracks = job.tracks.map((track) => {
    const mine = running.filter(({ chunk }) => chunk.tracks.includes(track.track));
    const stored = mine.reduce((sum, { progress }) => sum + (progress.stored[track.track] ?? 0), 0);
    return {
      ...track,
      finishedSegmentCount: Math.min(track.segmentCount, track.finishedSegmentCount + stored),
      speed: mine.reduce((sum, { progress }) => sum + progress.speed, 0),
    };
  });
  const all = tracks.reduce((sum, track) => sum + track.segmentCount, 0);
  const done = tracks.reduce((sum, track) => sum + track.finishedSegmentCount, 0);
  return { ...job, tracks, progress: all > 0 ? done / all : job.progress };
}
