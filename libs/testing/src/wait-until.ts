import { setTimeout as sleep } from 'node:timers/promises';

/** How long and how often to look. */
export interface WaitOptions {
  /** Gives up after this time. Default 10 s. */
  readonly timeoutMs?: number;
  /** Pause between two looks. Default 25 ms. */
  readonly intervalMs?: number;
  /** What is awaited, for the error message. */
  readonly what?: string;
}

type Falsy = undefined | null | false | 0 | '';

/**
 * Calls `predicate` until it returns something truthy, and returns that.
 *
 * Throws an Error when the time is up; its cause is what the predicate threw last. A throwing predicate is "not yet".
 */
export async function waitUntil<T>(
  predicate: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 25, what = 'the condition' }: WaitOptions = {},
): Promise<Exclude<T, Falsy>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await predicate();
      if (value) return value as Exclude<T, Falsy>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) break;
    await sleep(intervalMs);
  }
  throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`, cause === undefined ? {} : { cause });
}
