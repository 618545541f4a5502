import type { DescMethod } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ContextValues,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { extractContext, recordFailure, type ServiceTelemetry } from '@kerkis/telemetry';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { observeCall } from './call-observer.ts';
import { describe, reasonOf } from './error-mapping.ts';
import { isOpen, observedKey, principalKey } from './gate.ts';

type Observed = Pick<ServiceTelemetry, 'tracer' | 'meter' | 'logger'>;

/** https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/, with its advised bucket boundaries. */
export function durationHistogram(meter: ServiceTelemetry['meter'], side: 'server' | 'client') {
  return meter.createHistogram(`rpc.${side}.call.duration`, {
    unit: 's',
    description: `Duration of ${side === 'server' ? 'inbound' : 'outbound'} calls`,
    advice: {
      explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    },
  });
}

/** The attributes that say which method was called. */
export function methodAttributes(method: DescMethod) {
  return { 'rpc.system.name': 'grpc', 'rpc.method': methodName(method) };
}

/** `package.Service/Method`, also the name of the span. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** Status of a call as metrics and spans name it: `OK` or the gRPC code. */
export function statusCode(error?: unknown): string {
  if (error === undefined) return 'OK';
  const name = Code[error instanceof ConnectError ? error.code : Code.Unknown] ?? 'Unknown';
  return name === 'Canceled' ? 'CANCELLED' : name.replace(/(?<!^)[A-Z]/g, '_$&').toUpperCase();
}

/** A span and a duration for each call, and the interceptor that makes both. Health and reflection are left out. */
export function serverTelemetry(telemetry: Observed): {
  readonly interceptor: Interceptor;
  /** For calls that ended before the interceptor. */
  refused(handlerContext: HandlerContext, error: ConnectError): void;
} {
  const duration = durationHistogram(telemetry.meter, 'server');
  const start = (method: DescMethod, headers: Headers) => {
    const startedAt = performance.now();
    const parent = extractContext(headers);
    const attributes = methodAttributes(method);
    const span = telemetry.tracer.startSpan(
      methodName(method),
      { kind: SpanKind.SERVER, attributes },
      parent,
    );
    const end = (error?: unknown) => {
      const code = statusCode(error);
      span.setAttribute('rpc.status_code', code);
      if (isServerFault(error)) recordFailure(span, error);
      span.end();
      duration.record((performance.now() - startedAt) / 1000, { ...attributes, 'rpc.status_code': code });
    };
    return { active: trace.setSpan(parent, span), end };
  };
  return {
    interceptor: (next) => (request) => {
      request.contextValues.set(observedKey, true);
      if (isOpen(request.method)) return next(request);
      const { active, end } = start(request.method, request.header);
      return observeCall(next, request, {
        run: (step) => context.with(active, step),
        failed: (error) => {
          end(error);
          return error;
        },
        succeeded: end,
        abandoned: () => end(new ConnectError('The reader stopped.', Code.Canceled)),
      });
    },
    refused: ({ method, requestHeader, values }, error) => {
      const { active, end } = start(method, requestHeader);
      context.with(active, () => logCall(telemetry, { method, values, error }));
      end(error);
    },
  };
}

/** One log line a call: failures of ours at error with their cause, refusals at info, the rest at debug. */
export function logInterceptor(telemetry: Observed): Interceptor {
  return (next) => (request) => {
    if (isOpen(request.method)) return next(request);
    const startedAt = performance.now();
    const log = (error?: unknown) =>
      logCall(telemetry, {
        method: request.method,
        values: request.contextValues,
        error,
        durationMs: Math.round(performance.now() - startedAt),
      });
    return observeCall(next, request, {
      run: (step) => step(),
      failed: (error) => {
        log(error);
        return error;
      },
      succeeded: log,
      abandoned: () => log(new ConnectError('The reader stopped.', Code.Canceled)),
    });
  };
}

function logCall(
  { logger }: Observed,
  call: { method: DescMethod; values: ContextValues; error?: unknown; durationMs?: number },
): void {
  const { error, method, values, durationMs } = call;
  const facts = {
    method: methodName(method),
    code: statusCode(error),
    caller: values.get(principalKey)?.name,
    durationMs,
  };
  if (error === undefined) {
    logger.debug(facts, 'call answered');
    return;
  }
  const failure = ConnectError.from(error);
  describe(failure);
  const named = { ...facts, reason: reasonOf(failure), error: failure.rawMessage };
  if (isServerFault(failure)) logger.error({ ...named, err: failure.cause ?? failure }, 'call failed');
  else if (failure.code === Code.Canceled) logger.debug(named, 'call cancelled');
  else logger.info({ ...named, ...(isTransient(failure) ? { err: failure.cause } : {}) }, 'call refused');
}

/** Whether a server is to blame by the rules of the conventions for server spans. */
function isServerFault(error: unknown): boolean {
  if (error === undefined) return false;
  const code = error instanceof ConnectError ? error.code : Code.Unknown;
  return [Code.Unknown, Code.Internal, Code.DataLoss].includes(code);
}

function isTransient({ code }: ConnectError): boolean {
  return [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted].includes(code);
}
