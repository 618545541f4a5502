import { KerkisError } from '@kerkis/errors';
import { expect, test } from 'vitest';
import { deathOf, failureOf } from './failure.ts';

test('what no attempt makes as planned is the fault of the source, everything else stays what it is', () => {
  const odd = new KerkisError('internal', 'ENCODER_OUTPUT_UNEXPECTED', 'It has 4 segments and not 8.');
  expect(failureOf(odd).reason).toBe('ENCODER_OUTPUT_UNEXPECTED');
  expect(deathOf(odd)).toMatchObject({
    reason: 'SOURCE_CORRUPT',
    details: { encoder: 'It has 4 segments and not 8.' },
  });
  const away = new KerkisError('unavailable', 'STORAGE_UNAVAILABLE', 'Not now.');
  expect(deathOf(away)).toEqual(failureOf(away));
});
