import {
  type Attributes,
  type Context,
  context,
  type Link,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** Everything about a span but its name. */
export interface SpanSettings {
  /** Default internal. */
  readonly kind?: SpanKind | undefined;
  readonly attributes?: Attributes | undefined;
  /** Spans that caused this one without being its parent, e.g. the publisher of an event. */
  readonly links?: Link[] | undefined;
  /** Where the parent is read from. Default: the active context. */
  readonly parent?: Context | undefined;
}

/**
 * Runs `fn` inside a new span that is active for everything it awaits. The span ends with it; what it throws is recorded
 * (exception event, `error.type`, status error) and thrown on.
 */
export async function withSpan<T>(
  tracer: Tracer,
  name: string,
  settings: SpanSettings,
  fn: (span: Span) => Promise<T> | T,
): Promise<T> {
  const parent = settings.parent ?? context.active();
  const span = tracer.startSpan(
    name,
    {
      ...(settings.kind === undefined ? {} : { kind: settings.kind }),
      ...(settings.attributes ? { attributes: settings.attributes } : {}),
      ...(settings.links ? { links: settings.links } : {}),
    },
    parent,
  );
  try {
    return await context.with(trace.setSpan(parent, span), () => fn(span));
  } catch (error) {
    recordFailure(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed by what was caught. `error.type` is the error's stable `reason` where it has one. */
export function recordFailure(span: Span, error: unknown): void {
  const exception = error instanceof Error ? error : new Error(String(error));
  span.recordException(exception);
  span.setAttribute('error.type', errorType(exception));
  span.setStatus({ code: SpanStatusCode.ERROR, message: exception.message });
}

function errorType(error: Error): string {
  if ('reason' in error && typeof error.reason === 'string') return error.reason;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.name;
}
