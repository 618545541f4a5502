import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBeacon } from './beacon.ts';

const firstFrame = {
  event: 'first_frame',
  player: 'hls.js',
  startupMs: 812,
  sincePageMs: 1403,
  width: 1280,
  height: 720,
};
const good = [
  firstFrame,
  { event: 'stall', player: 'dash.js', count: 2, durationMs: 1200 },
  { event: 'error', player: 'native', code: 'network', fatal: true },
  { event: 'watched', player: 'hls.js', durationMs: 60_000 },
];

describe('parseBeacon', () => {
  test.each(good)('takes $event', (beacon) => {
    expect(parseBeacon(JSON.stringify(beacon))).toEqual(beacon);
  });

  test.each([
    ['not JSON', '{'],
    ['an array', '[]'],
    ['null', 'null'],
    ['no event', '{}'],
    ['an event of another name', JSON.stringify({ ...firstFrame, event: 'toString' })],
    ['a player of another name', JSON.stringify({ ...firstFrame, player: 'pbk_1' })],
    ['a field more', JSON.stringify({ ...firstFrame, traceId: '0af7651916cd43dd8448eb211c80319c' })],
    ['a field less', JSON.stringify({ ...firstFrame, width: undefined })],
    ['a time below zero', JSON.stringify({ ...firstFrame, startupMs: -1 })],
    ['a time that is too long', JSON.stringify({ ...firstFrame, startupMs: 1e9 })],
    ['a time in words', JSON.stringify({ ...firstFrame, startupMs: '812' })],
    ['a part of a millisecond', JSON.stringify({ ...firstFrame, startupMs: 0.5 })],
    [
      'a code of another name',
      JSON.stringify({ event: 'error', player: 'native', code: 'pbk_', fatal: true }),
    ],
  ])('refuses %s', (_, body) => {
    expect(() => parseBeacon(body)).toThrow(expect.objectContaining({ reason: 'BEACON_INVALID' }));
  });

  test('refuses anything else, and says so', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        expect(() => parseBeacon(body)).toThrow(expect.objectContaining({ reason: 'BEACON_INVALID' }));
      }),
    );
  });
});
