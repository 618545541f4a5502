import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countSteps, sortTimes } from './time-steps.ts';

const ticks = fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 300 });

test('times are sorted, whether hardly or utterly out of order', () => {
  fc.assert(
    fc.property(ticks, (times) => {
      expect([...sortTimes(Float64Array.from(times))]).toEqual(times.toSorted((a, b) => a - b));
    }),
  );
  const falling = Float64Array.from({ length: 5000 }, (_, index) => -index);
  expect([...sortTimes(falling.slice())]).toEqual([...falling].reverse());
});

test('steps are counted like a sorted list of them', () => {
  fc.assert(
    fc.property(ticks, fc.integer({ min: 0, max: 20 }), (times, tolerance) => {
      const sorted = Float64Array.from(times).sort();
      const list = [...sorted]
        .slice(1)
        .map((time, index) => time - (sorted[index] ?? 0))
        .filter((step) => step > 0)
        .sort((a, b) => a - b);
      const steps = countSteps(sorted);
      expect(steps.count).toBe(list.length);
      expect(steps.median).toBe(list[list.length >> 1]);
      const near = list.filter((step) => Math.abs(step - (steps.median ?? 0)) <= tolerance).length;
      expect(steps.countNear(steps.median ?? 0, tolerance)).toBe(near);
    }),
  );
});
