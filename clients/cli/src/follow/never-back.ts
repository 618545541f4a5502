import type { Job } from '@kerkis/contracts/transcode';

/**
 * A job as it is shown: a bar that was drawn does not get shorter, though segments of a chunk that its worker lost are made again,
 * and those of a chunk that just ended may be counted a moment later.
 */
export function neverBack(): (job: Job) => Job {
  const most = new Map<string, number>();
  let progress = 0;
  return (job) => {
    const tracks = job.tracks.map((track) => {
      const finishedSegmentCount = Math.max(track.finishedSegmentCount, most.get(track.track) ?? 0);
      most.set(track.track, finishedSegmentCount);
      return { ...track, finishedSegmentCount };
    });
    progress = Math.max(progress, job.progress);
    return { ...job, tracks, progress };
  };
}
