/** Work that is done once for however many ask for it at a time, and is given up when all of them went away. */
export interface SingleFlight<T> {
  /**
   * Joins the work on `key`, starting it if nobody is at it. Rejects with the reason of `signal` when that is aborted;
   * the work's own signal is aborted once nobody waits any more. Who gives no signal waits to the end.
   */
  join(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

export function singleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>();

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const result = Promise.try(work, controller.signal).finally(() => land(key, flight));
    // Everybody may be gone before it fails.
    result.catch(() => undefined);
    const flight: Flight<T> = { result, controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  }

  function land(key: string, flight: Flight<T>): void {
    if (flights.get(key) === flight) flights.delete(key);
  }

  return {
    async join(key, work, signal) {
      signal?.throwIfAborted();
      const flight = flights.get(key) ?? start(key, work);
      flight.waiting += 1;
      if (!signal) return flight.result;
      const left = Promise.withResolvers<never>();
      const leave = () => {
        flight.waiting -= 1;
        if (flight.waiting === 0) {
          // Who comes from now on starts anew.
          land(key, flight);
          flight.controller.abort(signal.reason);
        }
        left.reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      try {
        return await Promise.race([flight.result, left.promise]);
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
  };
}
