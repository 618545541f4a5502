import type { IncomingMessage, ServerResponse } from 'node:http';
import { extractContext, type ServiceTelemetry, withSpan } from '@kerkis/telemetry';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';

/**
 * Runs a plain HTTP handler inside a server span `METHOD route`, a child of the caller's `traceparent`.
 * `route` is the pattern, not the path: `/upload/tus/{id}`.
 */
export function traceRequest<T>(
  { tracer }: Pick<ServiceTelemetry, 'tracer'>,
  route: string,
  req: IncomingMessage,
  res: ServerResponse,
  handle: () => Promise<T> | T,
): Promise<T> {
  const method = req.method ?? '';
  const settings = {
    kind: SpanKind.SERVER,
    parent: extractContext(req.headers),
    attributes: {
      'http.request.method': method,
      'http.route': route,
      'url.path': req.url?.split('?', 1)[0] ?? '',
      'network.protocol.version': req.httpVersion,
    },
  };
  return withSpan(tracer, `${method} ${route}`, settings, async (span) => {
    const result = await handle();
    span.setAttribute('http.response.status_code', res.statusCode);
    if (res.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    return result;
  });
}
