/** Does work when its turn comes. Who is aborted before that throws the reason of the signal. */
export type Turns = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** So many at a time; the others wait in order. */
export function createTurns(atATime: number): Turns {
  const waiting: (() => void)[] = [];
  let free = atATime;
  return async (work, signal) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
