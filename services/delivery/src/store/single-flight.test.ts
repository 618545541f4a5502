import { expect, test } from 'vitest';
import { singleFlight } from './single-flight.ts';

test('many wait for one run', async () => {
  const flights = singleFlight<number>();
  let runs = 0;
  const work = async () => ++runs;
  expect(await Promise.all(Array.from({ length: 10 }, () => flights.join('a', work)))).toEqual(
    Array(10).fill(1),
  );
  expect(await flights.join('a', work)).toBe(2);
});

test('ends when the last waiter leaves, not before', async () => {
  const flights = singleFlight<string>();
  const signals: AbortSignal[] = [];
  const work = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const first = new AbortController();
  const second = new AbortController();
  const one = flights.join('a', work, first.signal);
  const two = flights.join('a', work, second.signal);
  first.abort(new Error('gone 1'));
  await expect(one).rejects.toThrow('gone 1');
  expect(signals[0]?.aborted).toBe(false);
  second.abort(new Error('gone 2'));
  await expect(two).rejects.toThrow('gone 2');
  expect(signals[0]?.aborted).toBe(true);

  const third = flights.join('a', async () => 'anew');
  expect(await third).toBe('anew');
  await expect(flights.join('a', work, AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
  expect(signals).toHaveLength(1);
});

test('a failure reaches everybody and is forgotten', async () => {
  const flights = singleFlight<string>();
  const fail = () => {
    throw new Error('no');
  };
  const results = await Promise.allSettled([flights.join('a', fail), flights.join('a', fail)]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await flights.join('a', async () => 'yes')).toBe('yes');
});
