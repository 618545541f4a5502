import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Database, Query } from '../src/index.ts';
import { compareKeys } from '../src/key-range.ts';
import { type Film, filmSpec } from './film.ts';

/** `find` and `count` against an array, for any documents and any query. */
export function findModel(open: () => Promise<Database>, numRuns: number): void {
  test('find agrees with an array in memory', async () => {
    await using database = await open();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(films, fc.array(queries, { minLength: 4, maxLength: 8 }), async (docs, asked) => {
        const collection = database.collection<Film>({ ...filmSpec, name: `model_${++run}` });
        for (const doc of docs) await collection.insert(doc);
        for (const query of asked) {
          const ids: string[] = [];
          let pageToken: string | undefined;
          do {
            const page = await collection.find({ ...query, pageToken });
            expect(page.items.length).toBeLessThanOrEqual(query.limit);
            ids.push(...page.items.map(({ doc }) => doc.id));
            pageToken = page.nextPageToken;
          } while (pageToken !== undefined && ids.length <= docs.length);
          expect(ids).toEqual(expected(docs, query));
        }
        for (const equals of ['a', 'ab', '\u{1f600}']) {
          const holders = docs.filter((doc) => doc.tags.includes(equals));
          expect(await collection.count({ index: 'tag', equals })).toBe(holders.length);
        }
      }),
      { numRuns },
    );
  });
}

/** Few characters, so that keys meet; those where UTF-8 and UTF-16 order differ, and those that query languages know. */
const keys = fc.string({
  unit: fc.constantFrom(
    'a',
    'b',
    '\0',
    '$',
    '.',
    '\\',
    '/',
    '0',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{1f600}',
    '\u{10ffff}',
  ),
  maxLength: 3,
});

const films: fc.Arbitrary<Film[]> = fc.uniqueArray(
  fc.record(
    {
      id: fc.tuple(keys, fc.nat(9)).map(([key, n]) => `${key}${n}`),
      state: keys,
      tags: fc.array(keys, { maxLength: 4 }),
    },
    { requiredKeys: ['id', 'tags'] },
  ),
  { selector: ({ id }) => id, maxLength: 12 },
);

const queries: fc.Arbitrary<Query> = fc.record(
  {
    index: fc.constantFrom('state', 'tag'),
    equals: keys,
    prefix: keys,
    from: keys,
    before: keys,
    order: fc.constantFrom('asc', 'desc'),
    limit: fc.integer({ min: 1, max: 5 }),
  },
  { requiredKeys: ['limit'] },
);

function expected(docs: readonly Film[], { index, equals, prefix, from, before, order }: Query): string[] {
  const direction = order === 'desc' ? -1 : 1;
  const compare = (a: string, b: string) => direction * compareKeys(a, b);
  const keysOf = ({ id, state, tags }: Film) => {
    if (index === 'tag') return tags;
    return index === 'state' ? [state ?? []].flat() : [id];
  };
  const matches = (key: string) =>
    (equals === undefined || key === equals) &&
    (prefix === undefined || key.startsWith(prefix)) &&
    (from === undefined || compareKeys(key, from) >= 0) &&
    (before === undefined || compareKeys(key, before) < 0);
  return docs
    .map((doc) => ({ id: doc.id, key: keysOf(doc).filter(matches).toSorted(compare)[0] }))
    .filter((found): found is { id: string; key: string } => found.key !== undefined)
    .toSorted((a, b) => compare(a.key, b.key) || compare(a.id, b.id))
    .map(({ id }) => id);
}
