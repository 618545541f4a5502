import { type EventBus, watch } from '@kerkis/events';

/** Tells when an entity may have changed. */
export interface ChangeFeed extends Disposable {
  /**
   * Resolves at the next event about this entity, after a reconnect, when `signal` is aborted, or after `pollMs`. It never
   * says that nothing changed: the caller reads the record.
   */
  next(subjectId: string, signal: AbortSignal): Promise<void>;
}

/**
 * Follows the events on a subject pattern for streams that show an entity to a client. Events are hints and may be missed;
 * the poll makes up for that.
 */
export function createChangeFeed(
  bus: EventBus,
  subjectPattern: string,
  { pollMs = 5_000 }: { pollMs?: number } = {},
): ChangeFeed {
  const waiting = new Map<string, Set<() => void>>();
  const wakeAll = (listeners: Iterable<() => void>) => {
    for (const wake of [...listeners]) wake();
  };
  const watching = watch(bus, subjectPattern, (wake) => {
    if (wake.type === 'event') wakeAll(waiting.get(wake.event.subjectId) ?? []);
    else for (const listeners of waiting.values()) wakeAll(listeners);
  });

  return {
    next(subjectId, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const listeners = waiting.get(subjectId) ?? new Set();
      waiting.set(subjectId, listeners.add(wake));
      const timer = setTimeout(wake, pollMs);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
      return promise;

      function wake() {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        listeners.delete(wake);
        if (listeners.size === 0 && waiting.get(subjectId) === listeners) waiting.delete(subjectId);
        resolve();
      }
    },
    [Symbol.dispose]() {
      watching[Symbol.dispose]();
      for (const listeners of [...waiting.values()]) wakeAll(listeners);
    },
  };
}
