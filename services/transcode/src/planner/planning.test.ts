import { expect, test } from 'vitest';
import { createPlanning } from './planning.ts';

test('who steps aside keeps no others waiting, and is planned once all the same', async () => {
  const { promise: measured, resolve } = Promise.withResolvers<void>();
  const planned: string[] = [];
  await using planning = createPlanning({
    planJob: async (jobId, _signal, stepAside) => {
      if (jobId.startsWith('slow')) {
        stepAside();
        await measured;
      }
      planned.push(jobId);
    },
    maxInBackground: 1,
    onFailure: () => {},
  });
  expect([planning.soon('slow 1'), planning.soon('slow 2')]).toEqual([true, true]);
  // The event that asked for it is done with.
  await planning.now('slow 3');
  await planning.now('slow 1');
  await planning.now('quick');
  expect(planned).toEqual(['quick']);
  resolve();
  await planning[Symbol.asyncDispose]();
  expect(planned.toSorted()).toEqual(['quick', 'slow 1', 'slow 2', 'slow 3']);
});

test('what fails aside is told, also when nobody waits for it', async () => {
  const failures: string[] = [];
  const { promise: measured, reject } = Promise.withResolvers<void>();
  await using planning = createPlanning({
    planJob: async (_jobId, _signal, stepAside) => {
      stepAside();
      await measured;
    },
    maxInBackground: 1,
    onFailure: (jobId) => void failures.push(jobId),
  });
  await planning.now('slow');
  reject(new Error('the source is away'));
  await expect.poll(() => failures).toEqual(['slow']);
});
