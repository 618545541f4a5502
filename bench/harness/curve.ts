/** What a rung takes and gives. */
export interface RatePoint {
  readonly bitrateBps: number;
  readonly psnrDb: number;
}

/**
 * How many percent more (or, negative, fewer) bits `other` takes than `reference` at equal quality, in the mean over the qualities that both
 * have: Bjøntegaard's measure (ITU-T VCEG-M33) with straight lines between the points. NaN where they share no quality.
 */
export function bitsAtEqualQuality(reference: readonly RatePoint[], other: readonly RatePoint[]): number {
  const curves = [hull(reference), hull(other)];
  const from = Math.max(...curves.map((points) => points[0]?.psnrDb ?? Number.NaN));
  const to = Math.min(...curves.map((points) => points.at(-1)?.psnrDb ?? Number.NaN));
  if (!(to > from)) return Number.NaN;
  const steps = 200;
  const differences = Array.from({ length: steps }, (_, step) => {
    const psnrDb = from + ((step + 0.5) / steps) * (to - from);
    const [a = Number.NaN, b = Number.NaN] = curves.map((points) => octavesAt(points, psnrDb));
    return b - a;
  });
  return (2 ** (differences.reduce((sum, value) => sum + value, 0) / steps) - 1) * 100;
}

/** The best that a viewer gets whose connection has this rate; NaN where it is too slow for any. */
export function bestWithin<T extends { readonly peakBitrateBps: number; readonly psnrDb: number }>(
  rungs: readonly T[],
  bitrateBps: number,
): number {
  const fitting = rungs.filter(({ peakBitrateBps }) => peakBitrateBps <= bitrateBps);
  return fitting.length === 0 ? Number.NaN : Math.max(...fitting.map(({ psnrDb }) => psnrDb));
}

/** Points by rising quality, without those that take more bits for less. */
function hull(points: readonly RatePoint[]): RatePoint[] {
  const byRate = points.toSorted((a, b) => a.bitrateBps - b.bitrateBps);
  return byRate.filter((point, index) => byRate.slice(0, index).every(({ psnrDb }) => psnrDb < point.psnrDb));
}

/** Binary logarithm of the rate at a quality on the line between two points. */
function octavesAt(points: readonly RatePoint[], psnrDb: number): number {
  const above = Math.max(
    1,
    points.findIndex((point) => point.psnrDb >= psnrDb),
  );
  const [low, high] = [points[above - 1], points[above]];
  if (low === undefined || high === undefined) return Number.NaN;
  const part = (psnrDb - low.psnrDb) / (high.psnrDb - low.psnrDb);
  return Math.log2(low.bitrateBps) + part * Math.log2(high.bitrateBps / low.bitrateBps);
}
