import {
  makeMedia,
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
  waitUntil,
} from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uploadFile } from './harness/cli.ts';
import { startDistributed } from './harness/distributed.ts';
import { startEmbedded } from './harness/embedded.ts';
import type { TestMesh } from './harness/test-mesh.ts';

const services = ['kerkis-upload', 'kerkis-catalog', 'kerkis-transcode', 'kerkis-delivery'];

describe.each([
  { name: 'embedded', start: startEmbedded },
  { name: 'every service a process of its own', start: startDistributed },
])('$name', ({ start }) => {
  const resources = new AsyncDisposableStack();
  let receiver: OtlpReceiver;
  let mesh: TestMesh;

  beforeAll(async () => {
    receiver = resources.use(await startOtlpReceiver());
    const { OTEL_EXPORTER_OTLP_ENDPOINT = '', OTEL_EXPORTER_OTLP_PROTOCOL = '' } = receiver.environment;
    const settings = {
      OTEL_EXPORTER_OTLP_ENDPOINT,
      OTEL_EXPORTER_OTLP_PROTOCOL,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    };
    mesh = resources.use(await start({ settings }));
  });

  afterAll(() => resources.disposeAsync());

  test('one upload is one trace through all four services, ffmpeg and storage', async () => {
    const done = await uploadFile(mesh.url, await makeMedia('e2e-traced', { seconds: 3 }), [
      '--profile',
      'small',
    ]);
    const segment = done.playbackUrl.replace('master.m3u8', 'video/h264-144p/1.m4s');
    for (const url of [done.playbackUrl, segment]) expect((await fetch(url)).status).toBe(200);

    const isStored = ({ attributes }: ReceivedSpan) => String(attributes['kerkis.asset.id']) === done.assetId;
    const { traceId } = await receiver.waitForSpan(
      (span) => span.service === 'kerkis-transcode' && isStored(span),
      { timeoutMs: 20_000 },
    );
    await waitUntil(
      () => services.every((service) => receiver.trace(traceId).some((span) => span.service === service)),
      {
        what: `spans of all services in the trace; there are ${JSON.stringify(summary(receiver.trace(traceId)))}`,
        timeoutMs: 20_000,
      },
    );
    const trace = receiver.trace(traceId);
    const roots = trace.filter(({ parentSpanId }) => !trace.some(({ spanId }) => spanId === parentSpanId));
    expect(summary(roots)).toEqual(['kerkis-upload']);
    const kinds = new Set(trace.map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['server', 'client', 'producer', 'consumer']));

    const encodes = trace.filter(({ attributes }) => attributes['ffmpeg.exit_code'] !== undefined);
    expect(encodes.length).toBeGreaterThan(0);
    expect(encodes.some(({ attributes }) => Number(attributes['ffmpeg.frames']) > 0)).toBe(true);
    expect(encodes.some(({ attributes }) => Number(attributes['ffmpeg.speed']) > 0)).toBe(true);
    const puts = trace.filter(({ name, service }) => service === 'kerkis-transcode' && /put/i.test(name));
    expect(puts.length).toBeGreaterThanOrEqual(2);
  });
});

function summary(spans: readonly ReceivedSpan[]): string[] {
  return [...new Set(spans.map(({ service }) => service))].toSorted();
}
