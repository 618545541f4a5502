import type { EventBus } from './bus.ts';
import type { Delivery } from './delivery.ts';
import { type Pull, pull } from './pull.ts';
import { type ConsumerSpec, ensureConsumer } from './streams.ts';
import { backoffMs, pause } from './wait.ts';

/** A consumer as the place where messages come from. It creates the consumer when it is missing. */
export interface Source {
  readonly spec: ConsumerSpec;
  /** Requests one message. */
  pull(options: { wait: boolean }): Pull;
  /** Waits for the connection, then puts the streams and this consumer right. Tries until the signal is aborted. */
  recover(reason: string, signal: AbortSignal): Promise<void>;
  /** The next message, undefined when the signal is aborted or the bus closed. Nothing is stranded. */
  next(signal: AbortSignal): Promise<Delivery | undefined>;
}

// Keeps a consumer that refuses every request, e.g. for too many open ones, from being asked without a pause.
const refusedPauseMs = 200;

/** The reason to {@link Source.recover} before the first request. */
export const starting = 'starting';

/** A source on one durable consumer. */
export function createSource(bus: EventBus, spec: ConsumerSpec): Source {
  let recovering: Promise<void> | undefined;

  async function tryRecover(reason: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const wasReady = bus.ready();
      await bus.whenReady(signal);
      if (signal.aborted || bus.closed) return;
      try {
        await bus.restore();
        await bus.request(() => ensureConsumer(bus, spec));
        if (wasReady && reason !== starting) await pause(refusedPauseMs, signal);
        return;
      } catch (err) {
        bus.logger.warn({ err, attempt, reason, durable: spec.durable }, 'A consumer cannot be set up yet');
        await pause(backoffMs(attempt, { firstMs: 100, maxMs: 5_000 }), signal);
      }
    }
  }

  const source: Source = {
    spec,
    pull: (options) => pull(bus, spec, options),
    async recover(reason, signal) {
      recovering ??= tryRecover(reason, signal).finally(() => {
        recovering = undefined;
      });
      await Promise.race([recovering, aborted(signal)]);
    },
    async next(signal) {
      while (!signal.aborted && !bus.closed) {
        const result = await untilAborted(source.pull({ wait: true }), signal);
        if (result.type === 'delivery') {
          if (!signal.aborted) return result.delivery;
          result.delivery.nak();
        } else if (result.type === 'lost') {
          await source.recover(result.reason, signal);
        }
      }
      return undefined;
    },
  };
  return source;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function untilAborted(open: Pull, signal: AbortSignal) {
  const abort = () => void open.cancel();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await open.result;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
