import {
  audioSegmentRuns,
  type MediaPlan,
  type RemuxRung,
  type SegmentRun,
  videoSegmentRuns,
} from '@kerkis/media';
import { audioTrackName, videoTrackName } from './tracks.ts';

/** How one track is cut: encoded tracks follow the grid, others have a list of their own. */
export interface TrackRuns {
  readonly track: string;
  readonly timescale: number;
  readonly runs: readonly SegmentRun[];
}

/** How each track of a plan is cut, by its name. */
export function trackRuns({ grid, ladder }: MediaPlan): Map<string, TrackRuns> {
  const video = ladder.video.map((rung) => ({
    track: videoTrackName(rung),
    timescale: grid.video?.timescale ?? 1,
    runs: videoSegmentRuns(grid, rung.frameRateDivisor),
  }));
  const audio = ladder.audio.map((rung) => ({
    track: audioTrackName(rung),
    timescale: (rung.codec === 'opus' ? grid.opus : grid.audio)?.sampleRate ?? 1,
    runs: audioSegmentRuns(grid, rung.codec),
  }));
  const remuxed = ladder.remux ? [remuxRuns(ladder.remux)] : [];
  return new Map([...remuxed, ...video, ...audio].map((each) => [each.track, each]));
}

const remuxRuns = (rung: RemuxRung): TrackRuns => ({
  track: videoTrackName(rung),
  timescale: rung.timescale,
  runs: rung.segments,
});

/** Segments of a track in all. */
export const segmentCountOf = (runs: readonly { readonly count: number }[]): number =>
  runs.reduce((total, { count }) => total + count, 0);

/** Length of some segments of a track in seconds, counted from `first`, which counts from 1. */
export function secondsBetween({ runs, timescale }: TrackRuns, first: number, segmentCount: number): number {
  let [place, ticks] = [1, 0];
  for (const { count, duration } of runs) {
    const end = Math.min(place + count, first + segmentCount);
    ticks += Math.max(0, end - Math.max(place, first)) * duration;
    place += count;
  }
  return ticks / timescale;
}

/** Length of a track in seconds. */
export const secondsOf = (track: TrackRuns): number => secondsBetween(track, 1, segmentCountOf(track.runs));

/** Segments of a track, counted from `first` (which counts from 1), that last as long as `seconds` or a little longer; at least one. */
export function segmentsLasting({ runs, timescale }: TrackRuns, first: number, seconds: number): number {
  const wanted = seconds * timescale;
  let [place, count, ticks] = [1, 0, 0];
  for (const run of runs) {
    const skipped = Math.min(run.count, Math.max(0, first - place));
    const left = run.count - skipped;
    place += run.count;
    if (left === 0) continue;
    // Half a segment more or less is as near as it gets.
    const needed = Math.max(0, Math.round((wanted - ticks) / run.duration));
    const taken = Math.min(left, needed);
    count += taken;
    ticks += taken * run.duration;
    if (needed <= left) break;
  }
  return Math.max(1, count);
}
