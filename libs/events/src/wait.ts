import { setTimeout as delay } from 'node:timers/promises';

/** Waits, or returns at once when the signal is aborted. Never throws. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await delay(durationMs, undefined, { signal, ref: true }).catch(() => {});
}

/** Bounds of an exponential delay, milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The delay before try number `attempt` (from 1) in milliseconds: doubled each time, up to the bound, with 20 % jitter. */
export function backoffMs(attempt: number, { firstMs, maxMs }: Backoff): number {
  const exact = Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, attempt - 1)));
  return Math.round(exact * (0.8 + 0.2 * Math.random()));
}
