import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type JournalLine, noPlaces, overlap, parseLine, takeLine } from './places.ts';

const begin = (id: string, part: number, offset: number, size = 10): JournalLine => ({
  begin: id,
  part,
  offset,
  size,
});
const done = (id: string): JournalLine => ({ done: id, etag: `etag-${id}` });

function after(...lines: JournalLine[]) {
  const places = noPlaces();
  for (const line of lines) takeLine(places, line);
  return [...places.byId.keys()];
}

test('a successor takes the place of what its predecessor stored, and not the other way round', () => {
  expect(after(begin('a', 1, 0), done('a'), begin('b', 2, 5))).toEqual(['b']);
  expect(after(begin('b', 2, 5), done('b'), begin('a', 1, 0))).toEqual(['b']);
});

test('nobody gets a place that somebody else writes to, until that one is given up', () => {
  expect(after(begin('a', 1, 0), begin('b', 2, 5))).toEqual(['a']);
  expect(after(begin('a', 1, 0), { gone: 'a' }, begin('b', 2, 5))).toEqual(['b']);
  expect(after(begin('a', 1, 0), { gone: 'a' }, begin('b', 2, 5), done('a'))).toEqual(['b']);
});

test('a part has one place: put elsewhere it leaves the first, put into a file of its own any', () => {
  expect(after(begin('a', 1, 0), done('a'), begin('b', 1, 50))).toEqual(['b']);
  expect(after(begin('a', 1, 0), done('a'), { apart: 1 })).toEqual([]);
});

test('after the seal no place is given', () => {
  expect(after(begin('a', 1, 0), { sealed: true }, begin('b', 2, 10), done('a'))).toEqual(['a']);
});

test('whatever happens in whatever order, no byte has two owners and no part two places', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const line: fc.Arbitrary<JournalLine> = fc.oneof(
    fc.record({ begin: id, part: fc.nat(4), offset: fc.nat(30), size: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ done: id, etag: fc.string() }),
    fc.record({ gone: id }),
    fc.record({ apart: fc.nat(4) }),
    fc.constant({ sealed: true } as const),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const places = noPlaces();
      for (const [index, each] of lines.entries()) {
        // A writing has one name and begins once.
        const isAgain =
          'begin' in each && lines.slice(0, index).some((b) => 'begin' in b && b.begin === each.begin);
        if (!isAgain) takeLine(places, each);
        const all = [...places.byId.values()];
        for (const place of all) {
          const others = all.filter((other) => other !== place);
          expect(others.some((other) => overlap(place, other) || other.partNumber === place.partNumber)).toBe(
            false,
          );
        }
      }
    }),
  );
});

test('what a crash left of a line is no line', () => {
  expect(parseLine('{"begin":"a","pa')).toBeUndefined();
  expect(parseLine('')).toBeUndefined();
  expect(parseLine('7')).toBeUndefined();
});
