import { KerkisError } from '@kerkis/errors';
import { audioGrid, audioSegmentRuns, type SegmentRun, videoSegmentRuns } from './grid.ts';
import type { MediaPlan } from './media-plan.ts';

/** How a track is cut. */
export interface RungSegments {
  /** Ticks per second. */
  readonly timescale: number;
  /** Exact durations in ticks. */
  readonly segments: readonly SegmentRun[];
}

/**
 * How the track of a rung is cut: encoded video by the grid, sound by its own frames, remuxed video at its keyframes, into a number of
 * segments of its own. Throws KerkisError `invalid` UNIT_INVALID when the plan has no such rung.
 */
export function rungSegments({ grid, ladder }: MediaPlan, name: string): RungSegments {
  const video = ladder.video.find((rung) => rung.name === name);
  if (video) {
    return {
      timescale: grid.video?.timescale ?? 1,
      segments: videoSegmentRuns(grid, video.frameRateDivisor),
    };
  }
  if (ladder.remux?.name === name) {
    const { timescale, segments } = ladder.remux;
    return { timescale, segments };
  }
  const audio = ladder.audio.find((rung) => rung.name === name);
  if (audio === undefined) throw new KerkisError('invalid', 'UNIT_INVALID', `The plan has no rung ${name}.`);
  return {
    timescale: audioGrid(grid, audio.codec).sampleRate,
    segments: audioSegmentRuns(grid, audio.codec),
  };
}
