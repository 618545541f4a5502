import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toNumber } from '../rational.ts';
import { approximateRate, capFrameRate, nearestStandardRate, snapFrameRate } from './frame-rate.ts';

test.each([
  [29.97, { num: 30_000, den: 1001 }],
  [29.998, { num: 30, den: 1 }],
  [23.976, { num: 24_000, den: 1001 }],
  [24.005, { num: 24, den: 1 }],
  [59.94, { num: 60_000, den: 1001 }],
  [29.83, undefined],
])('%d snaps to a standard rate within 0.1 %', (measured, expected) => {
  expect(snapFrameRate(measured)).toEqual(expected);
});

test('a variable rate is conformed to the nearest standard one', () => {
  expect(nearestStandardRate(16.74)).toEqual({ num: 15, den: 1 });
  expect(nearestStandardRate(58.8)).toEqual({ num: 60_000, den: 1001 });
});

test.each([
  [
    { num: 120, den: 1 },
    { num: 60, den: 1 },
  ],
  [
    { num: 90, den: 1 },
    { num: 45, den: 1 },
  ],
  [
    { num: 120_000, den: 1001 },
    { num: 60_000, den: 1001 },
  ],
  [
    { num: 60, den: 1 },
    { num: 60, den: 1 },
  ],
  [
    { num: 25, den: 1 },
    { num: 25, den: 1 },
  ],
])('%o is capped at 60 by a whole divisor', (rate, expected) => {
  expect(capFrameRate(rate, 60)).toEqual(expected);
});

test('an odd rate becomes a fraction near it', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 240, noNaN: true }), (rate) => {
      const fraction = approximateRate(rate);
      expect(Math.abs(toNumber(fraction) / rate - 1)).toBeLessThan(0.001);
      expect(fraction.den).toBeLessThanOrEqual(1001);
    }),
  );
});
