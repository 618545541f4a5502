import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../failure.ts';

/** Pauses before a lost stream is opened again; after the last one it is given up. */
const pausesMs = [200, 500, 1000, 2000, 4000, 8000, 8000, 8000];

/** The messages of a server stream, over lost connections and restarts of the server. Ends when the server ends it. */
export async function* following<T>(
  open: () => AsyncIterable<T>,
  signal?: AbortSignal,
): AsyncGenerator<T, void> {
  for (let failures = 0; ; failures += 1) {
    try {
      for await (const message of open()) {
        failures = 0;
        yield message;
      }
      return;
    } catch (error) {
      const pauseMs = pausesMs[failures];
      if (pauseMs === undefined || signal?.aborted || !isTransient(error)) throw error;
      await sleep(pauseMs, undefined, signal && { signal });
    }
  }
}
