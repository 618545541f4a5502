import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRange } from './byte-range.ts';
import { isNotModified, preconditionFailed, rangeApplies } from './conditional.ts';
import { chooseCoding } from './content-coding.ts';
import { generationOfToken, generationToken } from './generation-token.ts';

describe('Range', () => {
  test.each([
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=90-1000', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-1000', { start: 0, end: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,3-4', undefined],
    ['items=0-1', undefined],
    ['bytes=0x1-2', undefined],
    [undefined, undefined],
  ])('%s of 100 bytes', (header, span) => {
    expect(parseRange(header, 100)).toEqual(span);
  });

  test('never leaves the body', () => {
    const header = fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,18}-\d{0,18}$/));
    fc.assert(
      fc.property(header, fc.nat(1000), (value, size) => {
        const span = parseRange(value, size);
        if (typeof span !== 'object') return;
        expect(span.start).toBeGreaterThanOrEqual(0);
        expect(span.end).toBeGreaterThanOrEqual(span.start);
        expect(span.end).toBeLessThan(size);
      }),
    );
  });
});

describe('conditions', () => {
  const lastModified = 'Tue, 01 Sep 2026 10:00:00 GMT';
  const validators = { etag: '"a"', lastModified };

  test('If-None-Match wins over If-Modified-Since', () => {
    expect(isNotModified({ 'if-none-match': '"b", W/"a"' }, validators)).toBe(true);
    expect(isNotModified({ 'if-none-match': '*' }, validators)).toBe(true);
    expect(isNotModified({ 'if-none-match': '"b"', 'if-modified-since': lastModified }, validators)).toBe(
      false,
    );
    expect(isNotModified({ 'if-modified-since': lastModified }, validators)).toBe(true);
    expect(isNotModified({ 'if-modified-since': 'Mon, 31 Aug 2026 10:00:00 GMT' }, validators)).toBe(false);
    expect(isNotModified({ 'if-modified-since': 'yesterday' }, validators)).toBe(false);
    expect(isNotModified({}, validators)).toBe(false);
  });

  test('If-Match wins over If-Unmodified-Since, and a weak tag never matches', () => {
    expect(preconditionFailed({}, validators)).toBe(false);
    expect(preconditionFailed({ 'if-match': '"b", "a"' }, validators)).toBe(false);
    expect(preconditionFailed({ 'if-match': '*' }, validators)).toBe(false);
    expect(preconditionFailed({ 'if-match': 'W/"a"' }, validators)).toBe(true);
    expect(preconditionFailed({ 'if-match': '' }, validators)).toBe(true);
    const [before, after] = ['Mon, 31 Aug 2026 10:00:00 GMT', 'Wed, 02 Sep 2026 10:00:00 GMT'];
    expect(preconditionFailed({ 'if-unmodified-since': before }, validators)).toBe(true);
    expect(preconditionFailed({ 'if-unmodified-since': lastModified }, validators)).toBe(false);
    expect(preconditionFailed({ 'if-unmodified-since': after }, validators)).toBe(false);
    expect(preconditionFailed({ 'if-unmodified-since': 'yesterday' }, validators)).toBe(false);
    expect(preconditionFailed({ 'if-match': '"a"', 'if-unmodified-since': before }, validators)).toBe(false);
    // A document has no date.
    expect(preconditionFailed({ 'if-unmodified-since': before }, { etag: '"a"' })).toBe(false);
  });

  test('If-Range takes the strong validator or the very date', () => {
    expect(rangeApplies({}, validators)).toBe(true);
    expect(rangeApplies({ 'if-range': '"a"' }, validators)).toBe(true);
    expect(rangeApplies({ 'if-range': lastModified }, validators)).toBe(true);
    expect(rangeApplies({ 'if-range': 'W/"a"' }, validators)).toBe(false);
    expect(rangeApplies({ 'if-range': '"b"' }, validators)).toBe(false);
  });
});

test.each([
  [undefined, 'identity'],
  ['', 'identity'],
  ['gzip, deflate, br', 'br'],
  ['gzip', 'gzip'],
  ['br;q=0.5, gzip;q=0.9', 'gzip'],
  ['br;q=0, gzip;q=0', 'identity'],
  ['*', 'br'],
  ['*;q=0', 'identity'],
  ['identity, gzip;q=0.5', 'identity'],
  ['gzip;q=2', 'identity'],
  [';;q=,,', 'identity'],
])('Accept-Encoding %s', (header, coding) => {
  expect(chooseCoding(header)).toBe(coding);
});

test('a generation has one token, and a token one generation', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f]{32}$/), (hex) => {
      const token = generationToken(`gen_${hex}`);
      expect(token).toMatch(/^[A-Za-z0-9_-]{22}$/);
      expect(generationOfToken(token)).toBe(`gen_${hex}`);
    }),
  );
  expect(generationOfToken(`${'A'.repeat(21)}B`)).toBeUndefined();
  expect(generationOfToken('../../../../etc/passwd')).toBeUndefined();
});
