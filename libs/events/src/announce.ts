import { type DescMessage, fromBinary, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { subjectOf } from '@kerkis/contracts';
import { newId } from '@kerkis/ids';
import { headers } from '@nats-io/transport-node';
import type { EventBus } from './bus.ts';
import { type EventOrigin, encode, messageHeaders } from './event.ts';

/**
 * Tells everybody who listens right now, on the message's own subject. No stream keeps it and nobody confirms it: for what
 * is said again soon, such as a sign of life. Returns whether it was sent; without a connection it is not, and not later.
 */
export function announce<S extends DescMessage>(
  bus: EventBus,
  schema: S,
  message: MessageInitShape<S>,
  origin: EventOrigin,
): boolean {
  if (!bus.ready()) return false;
  const out = headers();
  const attributes = messageHeaders({ id: newId('evt'), type: schema.typeName, ...origin });
  for (const [name, value] of Object.entries(attributes)) out.set(name, value);
  bus.connection.publish(subjectOf(schema), encode(schema, message), { headers: out });
  return true;
}

/** Calls `handler` with each announcement of one type from now on. What does not decode is logged and left out. */
export function watchAnnouncements<S extends DescMessage>(
  bus: EventBus,
  schema: S,
  handler: (message: MessageShape<S>) => void,
): Disposable {
  const subject = subjectOf(schema);
  const subscription = bus.connection.subscribe(subject, {
    callback: (error, message) => {
      try {
        if (error) throw error;
        handler(fromBinary(schema, message.data));
      } catch (err) {
        bus.logger.error({ err, subject }, 'An announcement was left out');
      }
    },
  });
  return {
    [Symbol.dispose]() {
      if (!bus.closed && !subscription.isClosed()) subscription.unsubscribe();
    },
  };
}
