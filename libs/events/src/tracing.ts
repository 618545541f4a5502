import {
  type CarrierHeaders,
  extractContext,
  injectHeaders,
  linksFromHeaders,
  withSpan,
} from '@kerkis/telemetry';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { type Attributes, type Span, SpanKind, type Tracer } from '@opentelemetry/api';

/** What a message is about, for its spans. */
export interface Messaging {
  /** Low-cardinality name: an event's subject, a task's class. */
  readonly destination: string;
  readonly messageId: string;
  readonly bodyBytes: number;
}

/** Runs `send` in a producer span below the context that `carrier` holds, with headers that continue that span. */
export function producing<T>(
  tracer: Tracer,
  message: Messaging,
  carrier: Readonly<Record<string, string>>,
  send: (headers: MsgHdrs) => Promise<T>,
): Promise<T> {
  const settings = {
    kind: SpanKind.PRODUCER,
    attributes: attributes(message, 'publish', 'send'),
    parent: extractContext(carrier),
  };
  return withSpan(tracer, `publish ${message.destination}`, settings, () => {
    const out = headers();
    for (const [name, value] of Object.entries({ ...carrier, ...injectHeaders() })) out.set(name, value);
    return send(out);
  });
}

/**
 * Runs `process` in a consumer span. It continues the producer's trace, so that one trace shows the whole way, and links
 * to the producer's span.
 */
export function processing<T>(
  tracer: Tracer,
  message: Messaging & { readonly attributes?: Attributes },
  received: MsgHdrs | undefined,
  process: (span: Span) => Promise<T>,
): Promise<T> {
  const carrier: CarrierHeaders = Object.fromEntries(received ?? []);
  const settings = {
    kind: SpanKind.CONSUMER,
    attributes: { ...attributes(message, 'process', 'process'), ...message.attributes },
    parent: extractContext(carrier),
    links: linksFromHeaders(carrier),
  };
  return withSpan(tracer, `process ${message.destination}`, settings, process);
}

// https://opentelemetry.io/docs/specs/semconv/messaging/
function attributes(message: Messaging, name: string, type: 'send' | 'process'): Attributes {
  return {
    'messaging.system.name': 'nats',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
    'messaging.destination.name': message.destination,
    'messaging.message.id': message.messageId,
    'messaging.message.body.size': message.bodyBytes,
  };
}
