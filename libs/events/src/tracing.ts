import { headers, type MsgHdrs } from '@nats-io/transport-node';
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';

const recordGetter: TextMapGetter<Readonly<Record<string, string>>> = {
  get: (carrier, key) => carrier[key],
  keys: (carrier) => Object.keys(carrier),
};

const headerGetter: TextMapGetter<MsgHdrs> = {
  get: (carrier, key) => carrier.get(key) || undefined,
  keys: (carrier) => carrier.keys(),
};

/** What a message is about, for its spans. */
export interface Messaging {
  /** Low-cardinality name: an event's subject, a task's class. */
  readonly destination: string;
  readonly messageId: string;
  readonly bodyBytes: number;
}

// https://opentelemetry.io/docs/specs/semconv/messaging/
function attributes(
  operation: 'publish' | 'process',
  type: 'send' | 'process',
  message: Messaging,
): Attributes {
  return {
    'messaging.system.name': 'nats',
    'messaging.operation.name': operation,
    'messaging.operation.type': type,
    'messaging.destination.name': message.destination,
    'messaging.message.id': message.messageId,
    'messaging.message.body.size': message.bodyBytes,
  };
}

/** Runs `send` in a producer span below the context that `carrier` holds, with headers that continue that span. */
export function producing<T>(
  tracer: Tracer,
  message: Messaging,
  carrier: Readonly<Record<string, string>>,
  send: (headers: MsgHdrs) => Promise<T>,
): Promise<T> {
  const parent = propagation.extract(ROOT_CONTEXT, carrier, recordGetter);
  const options = { kind: SpanKind.PRODUCER, attributes: attributes('publish', 'send', message) };
  return inSpan(tracer, `publish ${message.destination}`, options, parent, async () => {
    const entries: Record<string, string> = { ...carrier };
    propagation.inject(context.active(), entries);
    const out = headers();
    for (const [name, value] of Object.entries(entries)) out.set(name, value);
    return await send(out);
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
  const parent = received ? propagation.extract(ROOT_CONTEXT, received, headerGetter) : ROOT_CONTEXT;
  const producer = trace.getSpanContext(parent);
  const options = {
    kind: SpanKind.CONSUMER,
    attributes: { ...attributes('process', 'process', message), ...message.attributes },
    links: producer ? [{ context: producer }] : [],
  };
  return inSpan(tracer, `process ${message.destination}`, options, parent, process);
}

/** The trace context that a received message carries. */
export function receivedContext(received: MsgHdrs | undefined): Context {
  return received ? propagation.extract(ROOT_CONTEXT, received, headerGetter) : ROOT_CONTEXT;
}

function inSpan<T>(
  tracer: Tracer,
  name: string,
  options: Parameters<Tracer['startSpan']>[1] & object,
  parent: Context,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
      throw error;
    } finally {
      span.end();
    }
  });
}
