import { KerkisError } from '@kerkis/errors';
import { expect, test } from 'vitest';
import { createLookup } from './lookup.ts';

const unavailable = new KerkisError('unavailable', 'CATALOG_UNAVAILABLE', 'away');
const absent = new KerkisError('not_found', 'PLAYBACK_ID_NOT_FOUND', 'none');

/** A catalog that answers when it is told to. */
function controlled() {
  const questions: PromiseWithResolvers<string>[] = [];
  const looks: string[] = [];
  const lookup = createLookup<string>({
    load: () => {
      const question = Promise.withResolvers<string>();
      questions.push(question);
      return question.promise;
    },
    assetOf: () => 'ast',
    ttlMs: () => 60_000,
    observe: (result) => looks.push(result),
  });
  return { lookup, questions, looks };
}

test('an answer is kept until its asset changes', async () => {
  const { lookup, questions, looks } = controlled();
  const both = [lookup.get('a'), lookup.get('a')];
  questions[0]?.resolve('one');
  expect(await Promise.all(both)).toEqual(['one', 'one']);
  lookup.invalidate('other', false);
  expect(await lookup.get('a')).toBe('one');
  lookup.invalidate('ast', false);
  const changed = lookup.get('a');
  questions[1]?.resolve('two');
  expect(await changed).toBe('two');
  expect(looks).toEqual(['miss', 'miss', 'hit', 'miss']);
});

test('a change that is told while the catalog is asked makes the answer old at once', async () => {
  const { lookup, questions } = controlled();
  for (const tell of [() => lookup.invalidate('ast', false), () => lookup.invalidateAll()]) {
    const asked = questions.length;
    const first = lookup.get('a');
    tell();
    questions[asked]?.resolve('old');
    expect(await first).toBe('old');
    const second = lookup.get('a');
    expect(questions).toHaveLength(asked + 2);
    questions[asked + 1]?.resolve('new');
    expect(await second).toBe('new');
    lookup.invalidateAll();
  }
});

test('what is known is served while the catalog is away, unless it is gone', async () => {
  const { lookup, questions, looks } = controlled();
  const first = lookup.get('a');
  questions[0]?.resolve('one');
  await first;
  lookup.invalidateAll();
  const second = lookup.get('a');
  questions[1]?.reject(unavailable);
  expect(await second).toBe('one');
  lookup.invalidateAll();
  // From now on nobody waits for a catalog that did not answer.
  expect(await lookup.get('a')).toBe('one');
  questions[2]?.resolve('two');
  await questions[2]?.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(await lookup.get('a')).toBe('two');
  expect(looks).toEqual(['miss', 'miss', 'stale', 'stale', 'hit']);

  lookup.invalidate('ast', true);
  const gone = lookup.get('a');
  questions[3]?.reject(unavailable);
  await expect(gone).rejects.toBe(unavailable);
});

test('that there is none is kept too', async () => {
  const { lookup, questions } = controlled();
  const first = lookup.get('a');
  questions[0]?.reject(absent);
  await expect(first).rejects.toBe(absent);
  await expect(lookup.get('a')).rejects.toBe(absent);
  expect(questions).toHaveLength(1);
});
