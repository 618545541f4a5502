import { expect, test } from 'vitest';
import { createHealth } from './health.ts';

test('an edge without objects is not ready, whether the store fails or is silent', async () => {
  let ping = async () => {};
  const health = createHealth({ pingObjects: () => ping(), pingMs: 20, busy: () => 0.5 });
  const reason = async () => (await health.report()).notReadyReason;
  expect(await reason()).toBe('');
  ping = () => Promise.reject(new Error('away'));
  expect(await reason()).toBe('OBJECTS_UNAVAILABLE');
  ping = () => new Promise(() => {});
  expect(await reason()).toBe('OBJECTS_UNAVAILABLE');
  ping = async () => {};
  expect(await reason()).toBe('');
});

test('an edge that computes all the time is over capacity until it has air again', async () => {
  const shares = [1, 0.5, 1, 1, 1, 0.95, 0.8];
  const health = createHealth({
    pingObjects: async () => {},
    pingMs: 1_000,
    busy: () => shares.shift() ?? 0,
  });
  const reasons: string[] = [];
  for (let left = shares.length; left > 0; left--) reasons.push((await health.report()).notReadyReason);
  expect(reasons).toEqual(['', '', '', '', 'OVER_CAPACITY', 'OVER_CAPACITY', '']);
});

test('tells what was answered since the last report', async () => {
  const health = createHealth({ pingObjects: async () => {}, pingMs: 1_000 });
  for (let i = 0; i < 1_000; i++) health.answered(1_000);
  const busy = (await health.report()).load;
  expect(busy.requestsPerSecond).toBeGreaterThan(0);
  expect(Number(busy.sentBytesPerSecond)).toBeGreaterThan(busy.requestsPerSecond);
  expect((await health.report()).load).toMatchObject({ requestsPerSecond: 0, sentBytesPerSecond: 0n });
});
