import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Job, JobState } from '@kerkis/contracts/transcode';
import { formatBar, formatFields, formatTable, formatTime, plain } from './text.ts';

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
    ['chunks', job.chunkCount > 0 ? `${job.finishedChunkCount} of ${job.chunkCount}` : ''],
    ['retries', job.retryCount > 0 ? `${job.retryCount}` : ''],
    ['created', formatTime(job.createTime && timestampDate(job.createTime))],
    ['ended', formatTime(job.endTime && timestampDate(job.endTime))],
    ...trackLines(job).map((line) => ['track', line] as const),
  ]);
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
