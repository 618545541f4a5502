import { NoRespondersError } from '@nats-io/transport-node';
import type { EventBus } from './bus.ts';
import { apiCode, apiCodes, eventsFailure } from './failure.ts';
import { producing } from './tracing.ts';

/** One message on its way to a stream. */
export interface Outgoing {
  readonly id: string;
  readonly subject: string;
  /** Low-cardinality name of where it goes, for spans. */
  readonly destination: string;
  readonly data: Uint8Array;
  /** CloudEvents attributes and trace context. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Publishes one message and waits until the stream has stored it. A missing stream is created again first.
 * Returns whether the stream already had a message with this id. Throws KerkisError, see `eventsFailure`.
 */
export async function publish(bus: EventBus, message: Outgoing): Promise<{ duplicate: boolean }> {
  const { destination, id: messageId } = message;
  const about = { destination, messageId, bodyBytes: message.data.byteLength };
  return await producing(bus.tracer, about, message.headers, async (headers) => {
    const options = { msgID: message.id, headers };
    const send = () => bus.request(() => bus.client.publish(message.subject, message.data, options));
    try {
      const ack = await send().catch(async (error: unknown) => {
        if (!isStreamMissing(error)) throw error;
        await bus.restore();
        return await send();
      });
      return { duplicate: ack.duplicate };
    } catch (error) {
      throw eventsFailure(error, `a publish to ${destination}`);
    }
  });
}

function isStreamMissing(error: unknown): boolean {
  if (apiCode(error) === apiCodes.streamNotFound || error instanceof NoRespondersError) return true;
  return error instanceof Error && error.cause !== undefined && isStreamMissing(error.cause);
}
