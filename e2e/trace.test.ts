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
import { tellOnFailure } from './harness/tell-on-failure.ts';
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

  tellOnFailure(() => mesh);

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
    // Spans arrive when they end: those of the services in any order, parents after their children.
    const roots = () =>
      summary(receiver.trace(traceId).filter((span) => !hasParentIn(receiver.trace(traceId), span)));
    const seen = () => summary(receiver.trace(traceId));
    await waitUntil(() => services.every((service) => seen().includes(service)) && roots().length === 1, {
      what: `one root and all services; there are ${roots()} and ${seen()}`,
      timeoutMs: 20_000,
    });
    expect(roots()).toEqual(['kerkis-upload']);
    const trace = receiver.trace(traceId);
    const kinds = new Set(trace.map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['server', 'client', 'producer', 'consumer']));

    const runs = trace.filter(({ name }) => name === 'ffmpeg').map(({ attributes }) => attributes);
    expect(runs.length).toBeGreaterThanOrEqual(2);
    for (const run of runs) expect(run['process.exit.code']).toBe(0);
    expect(runs.reduce((sum, run) => sum + Number(run['ffmpeg.frames']), 0)).toBeGreaterThanOrEqual(90);
    expect(runs.some((run) => Number(run['ffmpeg.speed']) > 0)).toBe(true);
    const keys = trace.filter(({ name }) => name.startsWith('object ')).map((span) => objectKey(span));
    const segments = ['init.mp4', '1.m4s', '2.m4s'].map((file) => `video/h264-144p/${file}`);
    for (const end of segments)
      expect(keys.filter((key) => key.endsWith(end)).length, end).toBeGreaterThan(0);
    expect(keys.filter((key) => key.startsWith(`sources/${done.assetId}/`)).length).toBeGreaterThan(0);
  });
});

function hasParentIn(trace: readonly ReceivedSpan[], { parentSpanId }: ReceivedSpan): boolean {
  return trace.some(({ spanId }) => spanId === parentSpanId);
}

function summary(spans: readonly ReceivedSpan[]): string[] {
  return [...new Set(spans.map(({ service }) => service))].toSorted();
}

function objectKey({ attributes }: ReceivedSpan): string {
  return String(attributes['kerkis.object.key']);
}
