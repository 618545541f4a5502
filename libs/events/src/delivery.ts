import type { Msg, MsgHdrs } from '@nats-io/transport-node';

type Settled = 'ack' | 'nak' | 'term';

/**
 * One message in hand. It must be settled once: `ack`, `nak` or `term`; later calls do nothing. What is never settled
 * is delivered again when the consumer's `ack_wait` is over.
 */
export interface Delivery {
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
  /** How often it was delivered, this time included. A hint: the record counts the tries. */
  readonly deliveries: number;
  /** Its number in the stream. */
  readonly sequence: number;
  readonly storedAt: Date;
  readonly settled: Settled | undefined;
  /** Done: never deliver it again. */
  ack(): void;
  /** Deliver it again, to anybody, not before `delayMs`. */
  nak(delayMs?: number): void;
  /** Never deliver it again, although it failed. */
  term(): void;
  /** Still at work: starts `ack_wait` anew. */
  working(): void;
}

/** A message of a pull consumer as a delivery, undefined when it is none. */
export function toDelivery(message: Msg): Delivery | undefined {
  const acknowledgement = readReply(message.reply ?? '');
  if (acknowledgement === undefined) return undefined;
  let settled: Settled | undefined;
  const respond = (payload: string) => {
    try {
      message.respond(payload);
    } catch {
      // The connection is closed: the server delivers the message again.
    }
  };
  const settle = (how: Settled, payload: string) => {
    if (settled !== undefined) return;
    settled = how;
    respond(payload);
  };
  return {
    subject: message.subject,
    headers: message.headers,
    data: message.data,
    ...acknowledgement,
    get settled() {
      return settled;
    },
    ack: () => settle('ack', '+ACK'),
    nak: (delayMs = 0) =>
      settle('nak', delayMs > 0 ? `-NAK {"delay":${Math.round(delayMs) * 1_000_000}}` : '-NAK'),
    term: () => settle('term', '+TERM'),
    working: () => {
      if (settled === undefined) respond('+WPI');
    },
  };
}

// `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<delivered>.<nanoseconds>.<pending>[.<token>]`
function readReply(reply: string): Pick<Delivery, 'deliveries' | 'sequence' | 'storedAt'> | undefined {
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  const first = tokens.length === 9 ? 4 : 6;
  return {
    deliveries: Number(tokens[first]),
    sequence: Number(tokens[first + 1]),
    storedAt: new Date(Number(tokens[first + 3]) / 1e6),
  };
}
