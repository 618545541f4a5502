import { expect, test } from 'vitest';
import { waitUntil } from './index.ts';

test('returns the first truthy value', async () => {
  let calls = 0;
  expect(await waitUntil(() => (++calls > 2 ? `call ${calls}` : undefined), { intervalMs: 1 })).toBe(
    'call 3',
  );
});

test('a predicate that throws is not yet true, and is the cause in the end', async () => {
  const waiting = waitUntil(
    () => {
      throw new Error('no route');
    },
    { timeoutMs: 5, intervalMs: 1, what: 'a route' },
  );
  await expect(waiting).rejects.toMatchObject({
    message: 'Waited 5 ms in vain for a route.',
    cause: { message: 'no route' },
  });
});
