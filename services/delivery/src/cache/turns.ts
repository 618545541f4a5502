/** At most so many at a time; the others wait in order. Disposing of a turn gives it to the next. */
export function turns(count: number): () => Promise<Disposable> {
  let free = count;
  const queue: (() => void)[] = [];
  const give = {
    [Symbol.dispose]() {
      const next = queue.shift();
      if (next) next();
      else free += 1;
    },
  };
  return async () => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    return give;
  };
}
