/** Runs tasks of one key one after the other, tasks of different keys side by side. */
export type KeyedQueue = <R>(key: string, task: () => Promise<R>) => Promise<R>;

/** A queue that lets the updates of one process wait for each other instead of colliding. */
export function createKeyedQueue(): KeyedQueue {
  const tails = new Map<string, Promise<unknown>>();
  return (key, task) => {
    const result = (tails.get(key) ?? Promise.resolve()).then(task, task);
    const tail = result.then(
      () => {},
      () => {},
    );
    tails.set(key, tail);
    tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
    return result;
  };
}
