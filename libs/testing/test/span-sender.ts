// A process that sends two spans to wherever the standard environment variables say, and prints their trace id.
import { SpanKind, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';

const sdk = new NodeSDK({ serviceName: 'sender' });
sdk.start();
const tracer = trace.getTracer('test');
tracer.startActiveSpan('parent', { kind: SpanKind.SERVER }, (parent) => {
  const links = [{ context: parent.spanContext() }];
  const attributes = { size: 7, ratio: 0.5, ok: true, ids: ['a', 'b'] };
  const child = tracer.startSpan('child', { links, attributes });
  child.setStatus({ code: 2 });
  child.end();
  console.log(parent.spanContext().traceId);
  parent.end();
});
await sdk.shutdown();
