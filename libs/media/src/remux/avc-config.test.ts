import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAvcConfig, startsWithIdr } from './avc-config.ts';

/** Sequence parameter sets of x264: High at level 3.1, 1280x720, of frames and of fields. */
const sets = {
  progressive: '6764001facd9405005bb0110000003001000000303c0f1831960',
  interlaced: '6764001facd940500bbf2e0220000003002000000783e2c5b2c0',
};
const recordOf = (set: string, changes: Record<number, number> = {}) => {
  const bytes = Buffer.from(set, 'hex');
  const head = [1, ...bytes.subarray(1, 4), 0xff, 0xe1, 0, bytes.length];
  const record = Buffer.from([...head, ...bytes, 1, 0, 1, 0x68]);
  for (const [at, value] of Object.entries(changes)) record[Number(at)] = value;
  return record;
};

test('the codec is named as in the record, and lengths have as many bytes', () => {
  expect(readAvcConfig(recordOf(sets.progressive))).toEqual({ codecs: 'avc1.64001f', lengthBytes: 4 });
  expect(readAvcConfig(recordOf(sets.progressive, { 4: 0xfd }))?.lengthBytes).toBe(2);
});

test.each([
  ['fields', recordOf(sets.interlaced)],
  ['4:2:2', recordOf(sets.progressive, { 1: 122, 9: 122 })],
  ['a level above 5.1', recordOf(sets.progressive, { 3: 52, 11: 52 })],
  ['a record that says something else than the stream', recordOf(sets.progressive, { 3: 30 })],
  ['two parameter sets', recordOf(sets.progressive, { 5: 0xe2 })],
  ['nothing', Buffer.alloc(0)],
])('%s is not taken', (_, record) => {
  expect(readAvcConfig(record)).toBeUndefined();
});

test('any bytes are read to an end', () => {
  const bytes = fc.uint8Array({ maxLength: 80 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 4 }), (record, lengthBytes) => {
      readAvcConfig(record);
      readAvcConfig(Uint8Array.from([1, 100, 0, 31, 0xff, 0xe1, 0, 60, 0x67, 100, 0, 31, ...record]));
      const found = startsWithIdr(record, lengthBytes);
      if ('neededBytes' in found) expect(found.neededBytes).toBeGreaterThan(record.length);
    }),
  );
});

test('the first slice decides, whatever comes before it', () => {
  const unit = (type: number, length = 3) => [0, 0, 0, length, type, ...Array(length - 1).fill(0)];
  expect(startsWithIdr(Uint8Array.from([...unit(9), ...unit(6, 5), ...unit(0x65)]), 4)).toEqual({
    isIdr: true,
  });
  expect(startsWithIdr(Uint8Array.from([...unit(9), ...unit(0x41), ...unit(0x65)]), 4)).toEqual({
    isIdr: false,
  });
  expect(startsWithIdr(Uint8Array.from(unit(6, 200).slice(0, 20)), 4)).toEqual({ neededBytes: 209 });
});
