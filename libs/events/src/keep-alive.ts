import type { Delivery } from './delivery.ts';

/** Says `working` at each third of the consumer's `ack_wait`, until disposed of or the delivery is settled. */
export function keepAlive(delivery: Delivery, ackWaitMs: number): Disposable {
  const beat = setInterval(() => {
    if (delivery.settled !== undefined) clearInterval(beat);
    else delivery.working();
  }, ackWaitMs / 3);
  return { [Symbol.dispose]: () => clearInterval(beat) };
}
