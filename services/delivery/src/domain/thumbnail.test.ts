import { describe, expect, test } from 'vitest';
import { thumbnailPlace } from './thumbnail.ts';

const place = (query: string, durationMs = 60_000) => {
  const { timeMs, width } = thumbnailPlace(new URLSearchParams(query), durationMs);
  return [timeMs, width];
};

describe('a thumbnail', () => {
  test.each([
    ['', [30_000, 640]],
    ['time=0&width=1', [0, 160]],
    ['time=12.5', [12_500, 640]],
    ['time=12.599999', [12_600, 640]],
    ['time=12.55&width=320', [12_500, 320]],
    ['time=59.999&width=321', [59_900, 480]],
    ['width=99999&g=x', [30_000, 1920]],
  ])('%j is one of a bounded number', (query, expected) => {
    expect(place(query)).toEqual(expected);
  });

  test.each([
    'time=',
    'time=-1',
    'time=1e3',
    'time=1&time=2',
    'time=0x1',
    'time=12345678',
    'time=1,5',
    'time=NaN',
  ])('%s is refused', (query) =>
    expect(() => place(query)).toThrow(expect.objectContaining({ reason: 'THUMBNAIL_QUERY_INVALID' })),
  );

  test.each(['width=', 'width=0', 'width=-5', 'width=1.5', 'width=123456', 'width=1&width=1'])(
    '%s is refused',
    (query) => expect(() => place(query)).toThrow(expect.objectContaining({ kind: 'invalid' })),
  );

  test('is not there beyond the end', () => {
    expect(() => place('time=60')).toThrow(expect.objectContaining({ reason: 'PICTURE_NOT_AVAILABLE' }));
  });
});
