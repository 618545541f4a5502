/** Sorts times in place: those of a stream are in order but for a few reordered pictures, which takes a fraction of a sort. */
export function sortTimes(times: Float64Array): Float64Array {
  // What is further out of order than any codec reorders is sorted in earnest.
  let moves = times.length * 8 + 64;
  for (let i = 1; i < times.length; i++) {
    const time = times[i] as number;
    let at = i;
    while (at > 0 && (times[at - 1] as number) > time) {
      times[at] = times[at - 1] as number;
      at--;
      moves--;
    }
    times[at] = time;
    if (moves < 0) return times.sort();
  }
  return times;
}

/** Distances between neighbouring times that are not equal. */
export interface TimeSteps {
  readonly count: number;
  /** Undefined when there is none. */
  readonly median: number | undefined;
  /** How many are at most `tolerance` from `step`. */
  countNear(step: number, tolerance: number): number;
}

/** Counts the steps of sorted times. */
export function countSteps(times: Float64Array): TimeSteps {
  const counts = new Map<number, number>();
  let count = 0;
  let run = 0;
  let step = 0;
  for (let i = 1; i < times.length; i++) {
    const next = (times[i] as number) - (times[i - 1] as number);
    if (next === step) {
      run++;
      continue;
    }
    if (step > 0) counts.set(step, (counts.get(step) ?? 0) + run);
    step = next;
    run = 1;
  }
  if (step > 0) counts.set(step, (counts.get(step) ?? 0) + run);
  const sorted = [...counts].sort(([a], [b]) => a - b);
  for (const [, times] of sorted) count += times;
  return {
    count,
    median: medianOf(sorted, count),
    countNear: (wanted, tolerance) =>
      sorted.reduce((sum, [each, times]) => sum + (Math.abs(each - wanted) <= tolerance ? times : 0), 0),
  };
}

function medianOf(
  sorted: readonly (readonly [step: number, count: number])[],
  total: number,
): number | undefined {
  let before = 0;
  for (const [step, count] of sorted) {
    before += count;
    if (before > total >> 1) return step;
  }
  return undefined;
}
