import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../failure.ts';

/** Pauses before a lost stream is opened again; after the last one it is given up. */
const pausesMs = [200, 500, 1000, 2000, 4000, 8000, 8000, 8000];

/** How a stream is followed. */
export interface Following {
  readonly signal?: AbortSignal;
  /** That the server was there a moment ago; otherwise a first call without an answer is the end. */
  readonly isReached?: boolean;
}

/** The messages of a server stream, over lost connections and restarts of the server. Ends when the server ends it. */
export async function* following<T>(
  open: () => AsyncIterable<T>,
  { signal, isReached = false }: Following = {},
): AsyncGenerator<T, void> {
  let mayReturn = isReached;
  for (let failures = 0; ; failures += 1) {
    try {
      for await (const message of open()) {
        mayReturn = true;
        failures = 0;
        yield message;
      }
      return;
    } catch (error) {
      const pauseMs = pausesMs[failures];
      if (pauseMs === undefined || !mayReturn || signal?.aborted || !isTransient(error)) throw error;
      await sleep(pauseMs, undefined, signal && { signal });
    }
  }
}
