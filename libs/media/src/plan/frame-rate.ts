import { type Rational, rational, toNumber } from '../rational.ts';

/** Rates that cameras, films and screens use, in frames per second, slowest first. */
const standardRates: readonly Rational[] = [
  { num: 1, den: 1 },
  { num: 2, den: 1 },
  { num: 5, den: 1 },
  { num: 10, den: 1 },
  { num: 12, den: 1 },
  { num: 25, den: 2 },
  { num: 15, den: 1 },
  { num: 20, den: 1 },
  { num: 24_000, den: 1001 },
  { num: 24, den: 1 },
  { num: 25, den: 1 },
  { num: 30_000, den: 1001 },
  { num: 30, den: 1 },
  { num: 48, den: 1 },
  { num: 50, den: 1 },
  { num: 60_000, den: 1001 },
  { num: 60, den: 1 },
  { num: 72, den: 1 },
  { num: 90, den: 1 },
  { num: 100, den: 1 },
  { num: 120_000, den: 1001 },
  { num: 120, den: 1 },
  { num: 240, den: 1 },
];

/** How far a measured rate may be from a standard one and still mean it. */
const snapTolerance = 0.001;

/** The standard rate within 0.1 % of `framesPerSecond`, the nearest if there are two (29.97 and 30 are 0.1 % apart). */
export function snapFrameRate(framesPerSecond: number): Rational | undefined {
  const nearest = nearestStandardRate(framesPerSecond);
  return distance(nearest, framesPerSecond) <= snapTolerance ? nearest : undefined;
}

/** The standard rate nearest in proportion: what a variable rate is conformed to. */
export function nearestStandardRate(framesPerSecond: number): Rational {
  return standardRates.reduce((best, rate) =>
    distance(rate, framesPerSecond) < distance(best, framesPerSecond) ? rate : best,
  );
}

/** `rate` divided by the smallest whole number that brings it to `maxFramesPerSecond` or below: 120 → 60, 90 → 45. */
export function capFrameRate(rate: Rational, maxFramesPerSecond: number): Rational {
  const divisor = Math.max(1, Math.ceil(toNumber(rate) / maxFramesPerSecond - snapTolerance));
  return rational(rate.num, rate.den * divisor);
}

/** A fraction for an odd but constant rate, with a denominator of at most 1001. */
export function approximateRate(framesPerSecond: number): Rational {
  let best: Rational = { num: Math.max(1, Math.round(framesPerSecond)), den: 1 };
  for (let den = 1; den <= 1001; den++) {
    const num = Math.max(1, Math.round(framesPerSecond * den));
    const candidate = { num, den };
    if (distance(candidate, framesPerSecond) < distance(best, framesPerSecond) * 0.5) best = candidate;
    if (distance(best, framesPerSecond) < 1e-6) break;
  }
  return rational(best.num, best.den);
}

function distance(rate: Rational, framesPerSecond: number): number {
  return Math.abs(toNumber(rate) / framesPerSecond - 1);
}
