import { expect, test } from 'vitest';
import { createCounting } from './counting.ts';

test('whoever asks while it is counted gets one count that begins afterwards', async () => {
  const begun: (() => void)[] = [];
  const counting = createCounting((id) => {
    if (id === 'other') return Promise.resolve();
    return new Promise<void>((resolve) => begun.push(resolve));
  });
  const first = counting('job');
  const more = [counting('job'), counting('job'), counting('job')];
  await counting('other');
  expect(begun).toHaveLength(1);
  begun[0]?.();
  await first;
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(begun).toHaveLength(2);
  const third = counting('job');
  begun[1]?.();
  await Promise.all(more);
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(begun).toHaveLength(3);
  begun[2]?.();
  await third;
});

test('a count that fails fails those who asked for it, and no others', async () => {
  let counts = 0;
  const counting = createCounting(async () => {
    if (++counts === 1) throw new Error('the database is away');
  });
  const [first, second] = [counting('job'), counting('job')];
  await expect(first).rejects.toThrow('away');
  await second;
  await counting('job');
  expect(counts).toBe(3);
});
