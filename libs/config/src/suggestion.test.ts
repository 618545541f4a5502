import { expect, test } from 'vitest';
import { suggestion } from './suggestion.ts';

const keys = ['maxSizeBytes', 'sessionTtlHours', 'import', 'warn'];

test.each([
  ['maxSizeByte', 'maxSizeBytes'],
  ['maxsizebytes', 'maxSizeBytes'],
  ['sesionTTLHours', 'sessionTtlHours'],
  ['maxSize', 'maxSizeBytes'],
  ['warning', 'warn'],
  ['imports', 'import'],
])('%s is taken for %s', (word, meant) => {
  expect(suggestion(word, keys)).toBe(meant);
});

test.each(['colour', 'x', '', 'a'.repeat(100_000)])('nothing is guessed for %.20s', (word) => {
  expect(suggestion(word, keys)).toBeUndefined();
});
