import type { EventBus } from './bus.ts';
import { type EventMeta, readMeta } from './event.ts';
import { processing } from './tracing.ts';

/** Why a watcher wakes up: an event was published, or the connection was away and any number may have been missed. */
export type Wake = { readonly type: 'event'; readonly event: EventMeta } | { readonly type: 'reconnected' };

/** How to watch. */
export interface WatchOptions {
  /** Runs the handler in a consumer span that continues the trace of the event. Default false: a wake-up is not worth one. */
  readonly traced?: boolean;
}

/**
 * Calls `handler` for each event on a subject or wildcard that is published from now on. Only a wake-up: at most once,
 * nothing is kept; read the record to learn what is true. Every caller gets every event, no matter how many there are.
 */
export function watch(
  bus: EventBus,
  subjectPattern: string,
  handler: (wake: Wake) => void,
  { traced = false }: WatchOptions = {},
): Disposable {
  const call = (wake: Wake) => {
    try {
      handler(wake);
    } catch (err) {
      bus.logger.error({ err, subjectPattern }, 'A watcher failed');
    }
  };
  const subscription = bus.connection.subscribe(subjectPattern, {
    callback: (err, message) => {
      if (err) {
        bus.logger.error({ err, subjectPattern }, 'NATS ended a watch');
        return;
      }
      const event = readMeta(message.subject, message.headers, { id: '', time: new Date() });
      if (!traced) return call({ type: 'event', event });
      const about = { destination: message.subject, messageId: event.id, bodyBytes: message.data.byteLength };
      void processing(bus.tracer, about, message.headers, async () => call({ type: 'event', event }));
    },
  });
  const listening = bus.onConnection((connected) => {
    if (connected) call({ type: 'reconnected' });
  });
  return {
    [Symbol.dispose]() {
      listening[Symbol.dispose]();
      if (!bus.closed && !subscription.isClosed()) subscription.unsubscribe();
    },
  };
}
