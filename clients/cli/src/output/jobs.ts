import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Job, JobState } from '@kerkis/contracts/transcode';
import { formatBar, formatDuration, formatFields, formatTable, formatTime, plain } from './text.ts';

/** Jobs as a table. */
export function jobTable(jobs: readonly Job[]): string {
  const rows = jobs.map((job) => [
    job.id,
    JobState[job.state],
    `${Math.floor(job.progress * 100)} %`,
    formatTime(job.createTime && timestampDate(job.createTime)),
    job.profile,
    job.assetId,
  ]);
  return formatTable(['ID', 'STATE', 'DONE', 'CREATED', 'PROFILE', 'ASSET'], rows);
}

/** Everything about one job. */
export function jobFields(job: Job): string {
  return formatFields([
    ['id', job.id],
    ['state', JobState[job.state]],
    ['failure', job.failure ? `${job.failure.reason}: ${plain(job.failure.message)}` : ''],
    [
      'restarted',
      job.restartReason ? `${job.restartReason.reason}: ${plain(job.restartReason.message)}` : '',
    ],
    ['asset', job.assetId],
    ['generation', job.generationId],
    ['profile', job.profile],
    ['speed', job.speed > 0 ? `${job.speed.toFixed(1)}x` : ''],
    ['remaining', job.remainingMs > 0n ? formatDuration(Number(job.remainingMs)) : ''],
    ['chunks', job.chunkCount > 0 ? `${job.finishedChunkCount} of ${job.chunkCount}` : ''],
    ['retries', job.retryCount > 0 ? `${job.retryCount}` : ''],
    ['created', formatTime(job.createTime && timestampDate(job.createTime))],
    ['ended', formatTime(job.endTime && timestampDate(job.endTime))],
    ...trackLines(job).map((line) => ['track', line] as const),
  ]);
}

/** What one line can say: `job_…  RUNNING  42 %  6.8x  3:20.0 left`. */
export function jobLine({ id, state, progress, speed, remainingMs }: Job): string {
  const isRunning = state === JobState.RUNNING;
  // All segments may be there before what lies beside the tracks is.
  const share = isRunning ? Math.min(99, Math.floor(progress * 100)) : Math.floor(progress * 100);
  return [
    id,
    JobState[state],
    ...(state === JobState.CANCELLED || state === JobState.FAILED ? [] : [`${share} %`]),
    ...(isRunning && speed > 0 ? [`${speed.toFixed(1)}x`] : []),
    ...(isRunning && remainingMs > 0n ? [`${formatDuration(Number(remainingMs))} left`] : []),
    ...(isRunning && progress >= 1 ? ['images and files'] : []),
  ].join('  ');
}

/** A bar for each track. */
export function trackLines({ tracks }: Job): string[] {
  const width = Math.max(0, ...tracks.map(({ track }) => track.length));
  return tracks.map(({ track, segmentCount, finishedSegmentCount, speed }) => {
    const share = segmentCount > 0 ? finishedSegmentCount / segmentCount : 0;
    const rate = speed > 0 ? `  ${speed.toFixed(1)}x` : '';
    return `${track.padEnd(width)}  ${formatBar(share)}  ${finishedSegmentCount}/${segmentCount} segments${rate}`;
  });
}
