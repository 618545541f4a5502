import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@kerkis/telemetry';

/** What is looked after, and how often. */
export interface ReconcilerOptions {
  /** Finds what is unfinished and does not move, and wakes it up. Returns how much that was. */
  readonly run: (signal: AbortSignal) => Promise<number>;
  /** Pause between two runs in milliseconds; up to a quarter is added at random, so that replicas spread. */
  readonly intervalMs: number;
  readonly logger: Logger;
}

/**
 * Runs again and again until it is disposed of, which waits for the run in work. A run that throws is logged and tried again at
 * the next turn: what a reconciler repairs is there to be found next time too.
 */
export function startReconciler({ run, intervalMs, logger }: ReconcilerOptions): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function loop(): Promise<void> {
    while (!signal.aborted) {
      await sleep(intervalMs * (1 + Math.random() / 4), undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      try {
        const woken = await run(signal);
        if (woken > 0) logger.info({ woken }, 'reconciler woke up what did not move');
      } catch (err) {
        if (!signal.aborted) logger.warn({ err }, 'reconciler could not finish its turn');
      }
    }
  }

  const running = loop();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}
