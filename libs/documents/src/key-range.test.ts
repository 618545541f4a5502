import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, keyRange } from './key-range.ts';

const keys = fc.string({
  unit: fc.constantFrom('a', 'b', '\0', '\ud7ff', '\ue000', '\uffff', '\u{1f600}', '\u{10ffff}'),
  maxLength: 4,
});

test('a key is in the range exactly if it satisfies all conditions', () => {
  const conditions = fc.record(
    { equals: keys, prefix: keys, from: keys, before: keys },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(conditions, keys, (wanted, key) => {
      const { equals, prefix, from, before } = wanted;
      const matches =
        (equals === undefined || key === equals) &&
        (prefix === undefined || key.startsWith(prefix)) &&
        (from === undefined || compareKeys(key, from) >= 0) &&
        (before === undefined || compareKeys(key, before) < 0);
      const range = keyRange(wanted);
      const inside =
        range !== undefined &&
        compareKeys(key, range.lower) >= 0 &&
        (range.upper === undefined || compareKeys(key, range.upper) < 0);
      expect(inside).toBe(matches);
    }),
    { numRuns: 2000 },
  );
});

test('keys compare by code point', () => {
  expect(compareKeys('\u{1f600}', '\uffff')).toBe(1);
  expect('\u{1f600}' < '\uffff').toBe(true);
});

test('ends of ranges', () => {
  expect(keyRange({ prefix: 'a\ud7ff' })).toMatchObject({ lower: 'a\ud7ff', upper: 'a\ue000' });
  expect(keyRange({ prefix: 'a\u{10ffff}' })).toMatchObject({ upper: 'b' });
  expect(keyRange({ prefix: '\u{10ffff}' })).toMatchObject({ upper: undefined });
  expect(keyRange({ from: 'b', before: 'b' })).toBeUndefined();
  expect(keyRange({})).toEqual({ lower: '', upper: undefined, equals: undefined });
});
