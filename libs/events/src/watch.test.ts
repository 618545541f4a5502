import { withSpan } from '@kerkis/telemetry';
import { waitUntil } from '@kerkis/testing';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { send, startMesh, uploadFailed } from '../test/fixture.ts';
import { watch } from './index.ts';

test('a service sees an event in its own name, in the trace of whoever caused it', async () => {
  await using mesh = await startMesh('debian');
  const spans = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] });
  const view = mesh.bus.forService({ name: 'edge', tracer: provider.getTracer('edge') });
  const seen: string[] = [];
  using _watching = watch(
    view,
    'kerkis.event.upload.>',
    (wake) => void seen.push(wake.type === 'event' ? wake.event.subjectId : wake.type),
    { traced: true },
  );
  await view.ping();
  const traceId = await withSpan(mesh.bus.tracer, 'request', {}, async (span) => {
    await send(mesh.bus, uploadFailed('upl_1'));
    return span.spanContext().traceId;
  });
  await waitUntil(() => spans.getFinishedSpans().length > 0);
  expect(seen).toEqual(['upl_1']);
  expect(spans.getFinishedSpans().map((span) => span.spanContext().traceId)).toEqual([traceId]);

  await view[Symbol.asyncDispose]();
  expect(mesh.bus.ready()).toBe(true);
});
