import { KerkisError } from '@kerkis/errors';

/** What a process can take on. */
export interface Load extends Disposable {
  /**
   * Counts a request in until the result is disposed of. Throws `unavailable` SERVER_OVERLOADED when there are too many, or when the process
   * is late with everything.
   */
  begin(): Disposable;
}

const sampleMs = 250;
/** So many samples in a row: one long computation is no overload. */
const lateSamples = 3;

export function createLoad(limits: { readonly maxRequests: number; readonly maxDelayMs: number }): Load {
  let requests = 0;
  let late = 0;
  let dueAtMs = performance.now() + sampleMs;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    late = nowMs - dueAtMs > limits.maxDelayMs ? late + 1 : 0;
    dueAtMs = nowMs + sampleMs;
  }, sampleMs).unref();
  return {
    begin() {
      if (requests >= limits.maxRequests || late >= lateSamples) throw overloaded();
      requests += 1;
      let isOpen = true;
      return {
        [Symbol.dispose]() {
          if (isOpen) requests -= 1;
          isOpen = false;
        },
      };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function overloaded(): KerkisError {
  return new KerkisError(
    'unavailable',
    'SERVER_OVERLOADED',
    'This server has more to do than it can. Ask again in a moment.',
  );
}
