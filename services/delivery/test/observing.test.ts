import { newId } from '@kerkis/ids';
import { startOtlpReceiver } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import { generationOf, publish, startEdge } from './edge-fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

test('a request is a span of its route, with the read below it, and is counted without ids', async () => {
  const receiver = stack.use(await startOtlpReceiver());
  const edge = stack.use(
    await startEdge({ telemetry: `{otlpEndpoint: "${receiver.endpoint}", otlpProtocol: http/json}` }),
  );
  const { base, generation, playbackId } = publish(
    edge,
    generationOf({ durationMs: 1_000, tracks: [] }, newId('ast')),
  );
  const key = `media/${generation.assetId}/${generation.id}/images/poster.jpg`;
  await edge.store.put(key, Buffer.from('a picture'));
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  expect((await edge.get(`${base}/poster.jpg`, { traceparent })).status).toBe(200);
  expect((await edge.get(`${base}/nothing`, { traceparent })).status).toBe(404);

  const served = await receiver.waitForSpan(({ name }) => name === 'GET /v/{playbackId}/poster.jpg');
  expect(served).toMatchObject({
    traceId,
    kind: 'server',
    attributes: { 'http.response.status_code': 200, 'kerkis.playback.id': playbackId },
  });
  const read = await receiver.waitForSpan(({ name }) => name === 'object read');
  expect(read).toMatchObject({
    parentSpanId: served.spanId,
    attributes: { 'kerkis.object.key': key, 'kerkis.object.size': 9 },
  });
  await receiver.waitForSpan(({ name }) => name === 'GET /v/{unknown}');

  const metrics = (await edge.get('/metrics')).body.toString();
  expect(metrics).toMatch(
    /http_server_request_duration\w*_count\{[^}]*http_route="\/v\/\{playbackId\}\/poster\.jpg".*\} 1$/m,
  );
  expect(metrics).toMatch(/kerkis_delivery_sent\w*\{.*poster.*\} 9$/m);
  expect(metrics).toMatch(/kerkis_delivery_cache_looks\w*\{[^}]*tier="playback"/);
  expect(metrics).not.toMatch(/(pbk|ast|gen)_[0-9a-f]/);
});
