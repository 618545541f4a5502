import { type Context, context, type Link, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';

const propagator = new W3CTraceContextPropagator();

/** Headers in any of the forms that Node, fetch and NATS give them. */
export type CarrierHeaders =
  | Headers
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | Iterable<readonly [string, string]>;

/**
 * W3C `traceparent` (and `tracestate`) of the active span, for the headers of a request or an event. Empty without one.
 * https://www.w3.org/TR/trace-context/
 */
export function injectHeaders(from: Context = context.active()): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagator.inject(from, carrier, { set: (target, key, value) => Object.assign(target, { [key]: value }) });
  return carrier;
}

/**
 * The context that a request or an event came from: pass it to `withSpan` as `parent`, or its span as a link.
 * Malformed headers are as good as none.
 */
export function extractContext(headers: CarrierHeaders): Context {
  const entries = isIterable(headers) ? headers : Object.entries(headers);
  const carrier = new Map<string, string>();
  for (const [key, value] of entries) {
    const first = typeof value === 'string' ? value : value?.[0];
    if (first !== undefined) carrier.set(key.toLowerCase(), first);
  }
  return propagator.extract(ROOT_CONTEXT, carrier, {
    get: (from, key) => from.get(key),
    keys: (from) => [...from.keys()],
  });
}

/** A link to the span that the headers name, for consumers: one span can have many causes. Empty without one. */
export function linksFromHeaders(headers: CarrierHeaders): Link[] {
  const span = trace.getSpanContext(extractContext(headers));
  return span ? [{ context: span }] : [];
}

function isIterable(value: CarrierHeaders): value is Headers | Iterable<readonly [string, string]> {
  return Symbol.iterator in value;
}
