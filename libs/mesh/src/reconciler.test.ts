import { startTelemetry } from '@kerkis/telemetry';
import { waitUntil } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import { startReconciler } from './reconciler.ts';

const telemetry = startTelemetry({ serviceName: 'test', version: '0', sampleRatio: 1, logLevel: 'silent' });
afterAll(() => telemetry[Symbol.asyncDispose]());
const { logger } = telemetry.forService('test');

test('runs again and again, also after a failure, never twice at a time', async () => {
  let runs = 0;
  let atWork = 0;
  let most = 0;
  await using _reconciler = startReconciler({
    intervalMs: 1,
    logger,
    run: async () => {
      most = Math.max(most, ++atWork);
      await new Promise((resolve) => setTimeout(resolve, 5));
      atWork--;
      if (++runs === 2) throw new Error('the database is away');
      return 1;
    },
  });
  await waitUntil(() => runs >= 5);
  expect(most).toBe(1);
});

test('disposing tells the run in work and waits for it; none follows', async () => {
  let state: 'waiting' | 'at work' | 'told' | 'done' = 'waiting';
  let runs = 0;
  const reconciler = startReconciler({
    intervalMs: 1,
    logger,
    run: async (signal) => {
      runs++;
      state = 'at work';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      state = 'told';
      await new Promise((resolve) => setTimeout(resolve, 20));
      state = 'done';
      return 0;
    },
  });
  await waitUntil(() => state === 'at work');
  await reconciler[Symbol.asyncDispose]();
  expect(state).toBe('done');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(runs).toBe(1);
});
