import { createInbox, deadline, type Msg, nanos } from '@nats-io/transport-node';
import type { EventBus } from './bus.ts';
import { type Delivery, toDelivery } from './delivery.ts';
import type { ConsumerSpec } from './streams.ts';

/**
 * How one request for a message ended: with it, with none in the time given, or `lost`: the connection or the consumer
 * is gone and has to be put right before the next request.
 */
export type PullResult =
  | { readonly type: 'delivery'; readonly delivery: Delivery }
  | { readonly type: 'empty' }
  | { readonly type: 'lost'; readonly reason: string };

/** One open request for one message. */
export interface Pull {
  readonly result: Promise<PullResult>;
  /** Takes the request back. A message that was on its way already is still returned: the caller settles it. */
  cancel(): Promise<PullResult>;
}

const waitMs = 30_000;
const heartbeatMs = 5_000;
// NATS 2.9 leaves a request that must not wait unanswered when it has miscounted what is pending, e.g. after a purge.
const answerMs = 500;
const flushMs = 5_000;

/**
 * Requests one message of a consumer; with `wait` false only one that is there already.
 *
 * Each request has its own inbox, because dropping the interest in it is the only way to take a request back: the
 * client's own `fetch` and `consume` drop what the server has sent but they have not read, and strand it until
 * `ack_wait`. Here the request is taken back, then flushed, and what still arrived is handed out. The server itself puts
 * back what it finds no interest for.
 */
export function pull(
  bus: EventBus,
  consumer: Pick<ConsumerSpec, 'stream' | 'durable'>,
  { wait }: { wait: boolean },
): Pull {
  const { promise: result, resolve } = Promise.withResolvers<PullResult>();
  if (!bus.ready()) return { result: Promise.resolve(lost('not connected')), cancel: () => result };

  let taken = false;
  let silence: NodeJS.Timeout | undefined;
  const inbox = createInbox();
  const subscription = bus.connection.subscribe(inbox, {
    callback: (error, message) => {
      if (error) finish(lost(error.message));
      else receive(message);
    },
  });
  const listening = bus.onConnection((connected) => {
    if (!connected) finish(lost('disconnected'));
  });

  function finish(how: PullResult): void {
    if (taken) {
      if (how.type === 'delivery') how.delivery.nak();
      return;
    }
    taken = true;
    clearTimeout(silence);
    listening[Symbol.dispose]();
    if (!subscription.isClosed()) subscription.unsubscribe();
    resolve(how);
  }

  function receive(message: Msg): void {
    const delivery = toDelivery(message);
    if (delivery !== undefined) {
      finish({ type: 'delivery', delivery });
      return;
    }
    const status = readStatus(message);
    if (status === 'alive') watch();
    else finish(status);
  }

  function watch(): void {
    clearTimeout(silence);
    silence = wait
      ? setTimeout(() => takeBack(lost('the consumer is silent')), 2.5 * heartbeatMs)
      : setTimeout(() => takeBack({ type: 'empty' }), answerMs);
  }

  async function takeBack(how: PullResult): Promise<void> {
    if (taken) return;
    await deadline(subscription.drain(), flushMs).catch(() => {});
    finish(how);
  }

  const request = wait
    ? { batch: 1, expires: nanos(waitMs), idle_heartbeat: nanos(heartbeatMs) }
    : { batch: 1, no_wait: true };
  watch();
  bus.connection.publish(
    `$JS.API.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.durable}`,
    JSON.stringify(request),
    { reply: inbox },
  );

  return {
    result,
    async cancel() {
      await takeBack({ type: 'empty' });
      return await result;
    },
  };
}

// https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md and ADR-37
function readStatus(message: Msg): PullResult | 'alive' {
  const code = message.headers?.code ?? 0;
  const description = message.headers?.description ?? '';
  if (code === 100) return 'alive';
  if (code === 404 || code === 408) return { type: 'empty' };
  return lost(`${code} ${description}`.trim());
}

function lost(reason: string): PullResult {
  return { type: 'lost', reason };
}
