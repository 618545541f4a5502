/** A packet with a time, ticks. */
export interface TimedPacket {
  readonly time: number;
  readonly duration: number;
  readonly isKeyframe: boolean;
}

/** Fewest ways from keyframe to keyframe that must be seen. */
const fewestIntervals = 6;

/** From where to where there are pictures, and how far each is from the next, ticks. */
interface PictureRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/**
 * Keyframes whose longest distance from each other is at least that of the real ones: a seek begins to decode so much earlier. Those
 * that an index lists; else from what is seen in the windows: encoders have a longest distance, which is what comes twice, and when nothing
 * comes twice it may be twice what was seen. Undefined when too few are seen. All times in ticks.
 */
export function keyframesOf(
  windows: readonly (readonly TimedPacket[])[],
  { first, last, step }: PictureRange,
  listed: readonly number[],
): readonly number[] | undefined {
  if (listed.length > 0) return listed;
  const intervals = windows.flatMap((packets) => {
    const times = packets.filter(({ isKeyframe }) => isKeyframe).map(({ time }) => time);
    return times.slice(1).map((time, index) => time - (times[index] as number));
  });
  if (intervals.length < fewestIntervals) return undefined;
  intervals.sort((a, b) => b - a);
  const [longest = 0, second = 0] = intervals;
  const isUsual = longest - second <= step * 1.5;
  const bound = isUsual ? longest + step : longest * 2;
  const count = Math.ceil((last - first) / bound);
  return Array.from({ length: count + 1 }, (_, index) => first + index * bound);
}
