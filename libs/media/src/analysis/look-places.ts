import type { FrameRange } from '../encode/video-args.ts';
import type { VideoGrid } from '../plan/grid.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import { toNumber } from '../rational.ts';

/** Which frames a look takes. */
export interface LookPlaces {
  /** Frames of the grid, in order, all of one length. */
  readonly places: readonly FrameRange[];
  /** Each how manieth frame is compared, counted from the first of a place. Divides the length of a place and the rate of each rung. */
  readonly step: number;
}

/** Most places, and what one has: seconds, frames, and frames that are compared. */
const most = { places: 4, seconds: 0.4, frames: 24, compared: 4 };
/** Fewer frames than this do not tell what moves from what stands. */
const leastFrames = 8;
/** Largest picture that is looked at in all places: somewhat more than 720p. Then they get fewer, three for 1080p and two for 2160p. */
const allPlacesPixels = 1_200_000;
/** Frames that are decoded for all places together, those before a place from the keyframe on with them: 4 places with 8 s between keyframes. */
const decodedFrames = 640;
/** Frames before a place that a seek leaves to the decoder besides those from the keyframe on. */
const marginFrames = 20;

/**
 * Places spread evenly over the source, fewer where pictures are large, keyframes are far apart or the source is short; the only place of a source without
 * keyframes to seek to is near its beginning. `divisors` are those of the rungs.
 */
export function lookPlaces(plan: MediaPlan, grid: VideoGrid, divisors: readonly number[]): LookPlaces {
  const unit = divisors.reduce(leastCommonMultiple, 1);
  const rate = toNumber(grid.frameRate);
  const wanted = Math.min(
    most.frames,
    Math.max(leastFrames, Math.round(most.seconds * rate)),
    grid.frameCount,
  );
  const compared = Math.max(1, Math.min(most.compared, Math.floor(wanted / unit)));
  const step = unit * Math.max(1, Math.round(wanted / compared / unit));
  const length = step * compared;

  const fitting = Math.max(1, Math.floor(grid.frameCount / length));
  const keyframes = (plan.source.video?.maxKeyframeIntervalSeconds ?? 0) * rate;
  const affordable = Math.floor(decodedFrames / (length + marginFrames + keyframes / 2));
  const { width = 0, height = 0 } = plan.source.video ?? {};
  const small = Math.max(
    2,
    Math.round(most.places * Math.sqrt(allPlacesPixels / Math.max(1, width * height))),
  );
  const count = Math.max(1, Math.min(most.places, small, fitting, affordable));
  const last = Math.max(0, grid.frameCount - length);
  const reachable = affordable >= 1 ? last : Math.min(last, decodedFrames);
  const places = Array.from({ length: count }, (_, index) => {
    const first = Math.round(((index + 0.5) / count) * (reachable + length) - length / 2);
    const inside = Math.min(last, Math.max(0, first));
    return { first: inside, end: inside + length };
  });
  return { places, step };
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
