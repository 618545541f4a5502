import type { SourceInfo } from '../probe/source-info.ts';
import { type Grid, planGrid } from './grid.ts';
import { type Ladder, planLadder } from './ladder.ts';
import type { EncodingProfile } from './profile.ts';

/** All that is decided before the first frame is encoded. Plain data: kept in the job, the same for every worker. */
export interface MediaPlan {
  readonly source: SourceInfo;
  readonly grid: Grid;
  readonly ladder: Ladder;
}

/** What the workers have. */
export interface PlanOptions {
  /** Encoders in hardware that every plan may count on (`findHardware`); none by default. */
  readonly hardware?: readonly string[];
}

/** Grid and ladder of a source. Throws what `planGrid` and `planLadder` throw. */
export function planMedia(
  source: SourceInfo,
  profile: EncodingProfile,
  { hardware = [] }: PlanOptions = {},
): MediaPlan {
  const { segmentSeconds, firstSegmentSeconds, maxFrameRate } = profile;
  const grid = planGrid(source, {
    segmentSeconds,
    firstSegmentSeconds,
    slowerRates: profile.renditions.flatMap(({ frameRate }) => frameRate ?? []),
    audioCodecs: profile.audio.map(({ codec }) => codec),
    ...(maxFrameRate === undefined ? {} : { maxFrameRate }),
  });
  return { source: withoutTables(source), grid, ladder: planLadder(source, grid, profile, hardware) };
}

/** What only planning needs: a number for each group of pictures. */
function withoutTables(source: SourceInfo): SourceInfo {
  if (source.video?.copyable === undefined) return source;
  const { copyable: _, ...video } = source.video;
  return { ...source, video };
}
