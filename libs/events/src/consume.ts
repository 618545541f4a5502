import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { subjectOf } from '@kerkis/contracts';
import { KerkisError, toKerkisError } from '@kerkis/errors';
import type { EventBus } from './bus.ts';
import type { Delivery } from './delivery.ts';
import { type EventMeta, readMeta } from './event.ts';
import { keepAlive } from './keep-alive.ts';
import { createSource, starting } from './source.ts';
import { streamNames } from './streams.ts';
import { processing } from './tracing.ts';
import { type Backoff, backoffMs, pause } from './wait.ts';

/** What a handler knows about an event besides the message. */
export interface EventContext {
  readonly event: EventMeta;
  /** Aborted when the service stops and the time to finish is over. */
  readonly signal: AbortSignal;
  /** How often this event was delivered, this time included. */
  readonly deliveries: number;
}

/** What to consume, and how. */
export interface ConsumeOptions<S extends DescMessage> {
  readonly schema: S;
  /** `<service>-<event>`: all replicas of a service share it and get each event once. */
  readonly durable: string;
  /**
   * Called for each event; must be idempotent. The event is acknowledged when it resolves. A thrown error decides what
   * follows, by its kind: delivered again after a growing delay, or never again.
   */
  readonly handler: (message: MessageShape<S>, context: EventContext) => Promise<void>;
  /** Events in work at a time in this process. Default 4. */
  readonly concurrency?: number;
  /** An event without a sign of life for so long is delivered again, milliseconds. Default 30,000. */
  readonly ackWaitMs?: number;
  /** The most unacknowledged events over all replicas. Default 256. */
  readonly maxInFlight?: number;
  /** Delay before a failed event is delivered again. Default from 1 s to 60 s. */
  readonly backoff?: Backoff;
  /** How long handlers may finish when consumption ends, before their signal is aborted, milliseconds. Default 5,000. */
  readonly drainMs?: number;
}

/** Running consumption. Disposing takes open requests back, lets handlers finish, and returns what was not done. */
export interface Consumption extends AsyncDisposable {
  readonly durable: string;
}

/**
 * Consumes the events of one type. Starts at once and keeps going through lost connections and a wiped store.
 * Throws TypeError for a message that declares no subject.
 */
export function consume<S extends DescMessage>(bus: EventBus, options: ConsumeOptions<S>): Consumption {
  const { schema, durable, concurrency = 4, ackWaitMs = 30_000, drainMs = 5_000 } = options;
  const filter = subjectOf(schema);
  const maxInFlight = options.maxInFlight ?? 256;
  const source = createSource(bus, { stream: streamNames.events, durable, filter, ackWaitMs, maxInFlight });
  const leaving = new AbortController();
  const stopping = new AbortController();

  async function run(): Promise<void> {
    await source.recover(starting, leaving.signal);
    await Promise.all(Array.from({ length: concurrency }, runSlot));
  }

  async function runSlot(): Promise<void> {
    for (;;) {
      const delivery = await source.next(leaving.signal);
      if (delivery === undefined) return;
      using _alive = keepAlive(delivery, ackWaitMs);
      await handle(bus, options, delivery, stopping.signal);
    }
  }

  const running = run();
  // The failure is a defect of this loop, not of a handler; disposing throws it again.
  running.catch((err: unknown) => bus.logger.error({ err, durable }, 'Consumption ended by itself'));
  return {
    durable,
    async [Symbol.asyncDispose]() {
      leaving.abort();
      const done = new AbortController();
      const finished = running.finally(() => done.abort());
      await Promise.race([finished, pause(drainMs, done.signal)]);
      stopping.abort();
      await finished;
    },
  };
}

async function handle<S extends DescMessage>(
  bus: EventBus,
  options: ConsumeOptions<S>,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<void> {
  const { schema, durable, handler } = options;
  const { headers, deliveries } = delivery;
  const event = readMeta(delivery.subject, headers, {
    id: `${streamNames.events}:${delivery.sequence}`,
    time: delivery.storedAt,
  });
  const about = {
    destination: subjectOf(schema),
    messageId: event.id,
    bodyBytes: delivery.data.byteLength,
    attributes: {
      'messaging.consumer.group.name': durable,
      'cloudevents.event_subject': event.subjectId,
      'kerkis.deliveries': deliveries,
    },
  };
  try {
    await processing(bus.tracer, about, headers, async () => {
      await handler(decode(schema, event, delivery.data), { event, signal, deliveries });
    });
    delivery.ack();
  } catch (error) {
    reject(bus, options, delivery, event, error);
  }
}

function reject<S extends DescMessage>(
  bus: EventBus,
  options: ConsumeOptions<S>,
  delivery: Delivery,
  event: EventMeta,
  error: unknown,
): void {
  const failure = toKerkisError(error);
  const details = { err: failure, durable: options.durable, event, deliveries: delivery.deliveries };
  if (failure.mapping.ack === 'term') {
    bus.logger.error(details, `An event is given up: ${failure.reason}`);
    delivery.term();
    return;
  }
  const backoff = options.backoff ?? { firstMs: 1_000, maxMs: 60_000 };
  const delayMs = failure.kind === 'cancelled' ? 0 : backoffMs(delivery.deliveries, backoff);
  bus.logger.warn({ ...details, delayMs }, `An event is delivered again later: ${failure.reason}`);
  delivery.nak(delayMs);
}

function decode<S extends DescMessage>(schema: S, event: EventMeta, data: Uint8Array): MessageShape<S> {
  if (event.type !== '' && event.type !== schema.typeName) {
    throw new KerkisError(
      'invalid',
      'EVENT_TYPE_WRONG',
      `Event ${event.id} is a ${event.type}, not a ${schema.typeName}.`,
    );
  }
  try {
    return fromBinary(schema, data);
  } catch (cause) {
    throw new KerkisError('invalid', 'EVENT_UNREADABLE', `Event ${event.id} is no ${schema.typeName}.`, {
      cause,
    });
  }
}
