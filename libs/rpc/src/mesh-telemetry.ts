import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { injectHeaders, recordFailure, type ServiceTelemetry } from '@kerkis/telemetry';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { observeCall } from './call-observer.ts';
import { durationHistogram, methodAttributes, methodName, statusCode } from './observe.ts';

/** A client span and a duration for each call; the server's span becomes its child. */
export function clientTelemetry(
  telemetry: Pick<ServiceTelemetry, 'tracer' | 'meter'>,
  address: string,
): Interceptor {
  const duration = durationHistogram(telemetry.meter, 'client');
  const colon = address.lastIndexOf(':');
  const server = {
    'server.address': address.slice(0, colon),
    'server.port': Number(address.slice(colon + 1)),
  };
  return (next) => (request) => {
    const startedAt = performance.now();
    const attributes = { ...methodAttributes(request.method), ...server };
    const span = telemetry.tracer.startSpan(methodName(request.method), {
      kind: SpanKind.CLIENT,
      attributes,
    });
    const active = trace.setSpan(context.active(), span);
    for (const [key, value] of Object.entries(injectHeaders(active))) request.header.set(key, value);
    const end = (error?: unknown) => {
      const code = statusCode(error);
      span.setAttribute('rpc.status_code', code);
      if (error !== undefined) recordFailure(span, error);
      span.end();
      duration.record((performance.now() - startedAt) / 1000, { ...attributes, 'rpc.status_code': code });
    };
    return observeCall(next, request, {
      run: (step) => context.with(active, step),
      failed: (error) => {
        end(error);
        return error;
      },
      succeeded: end,
      abandoned: () => end(new ConnectError('The reader stopped.', Code.Canceled)),
    });
  };
}
