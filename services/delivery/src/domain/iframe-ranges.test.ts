import fc from 'fast-check';
import { expect, test } from 'vitest';
import { iframeRanges, maxIndexBytes } from './iframe-ranges.ts';

const read = (value: unknown) => iframeRanges(Buffer.from(JSON.stringify(value)));

test('an index is pairs of offset and size', () => {
  expect(
    read({
      ranges: [
        [24, 900],
        [0, 1],
      ],
    }),
  ).toEqual([
    { offset: 24, sizeBytes: 900 },
    { offset: 0, sizeBytes: 1 },
  ]);
  expect(read({ ranges: [] })).toEqual([]);
});

test('anything else is none', () => {
  for (const wrong of [null, [], {}, { ranges: [[1]] }, { ranges: [[-1, 5]] }, { ranges: [[0, 0]] }])
    expect(read(wrong)).toBeUndefined();
  expect(read({ ranges: [[0, '1']] })).toBeUndefined();
  expect(iframeRanges(Buffer.from('{"ranges": [[1, 2]'))).toBeUndefined();
  expect(iframeRanges(Buffer.alloc(maxIndexBytes + 1, 0x20))).toBeUndefined();
  fc.assert(
    fc.property(fc.json(), (text) => {
      const ranges = iframeRanges(Buffer.from(text));
      for (const { offset, sizeBytes } of ranges ?? []) expect(offset + sizeBytes).toBeGreaterThan(offset);
    }),
  );
});
