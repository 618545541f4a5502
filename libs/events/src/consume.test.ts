import { UploadFailedSchema } from '@kerkis/contracts/upload/events';
import { KerkisError } from '@kerkis/errors';
import { withSpan } from '@kerkis/telemetry';
import { waitUntil } from '@kerkis/testing';
import { SpanKind } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Mesh, natsVersions, send, startMesh, uploadFailed } from '../test/fixture.ts';
import { type ConsumeOptions, consume, type EventMeta } from './index.ts';

type Options = ConsumeOptions<typeof UploadFailedSchema>;
const backoff = { firstMs: 20, maxMs: 100 };

describe.each(natsVersions)('consume on NATS %s', (version) => {
  let mesh: Mesh;
  let stack: AsyncDisposableStack;
  beforeAll(async () => {
    mesh = await startMesh(version);
  });
  afterAll(() => mesh[Symbol.asyncDispose]());
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    await mesh.bus.manager.streams.purge('KERKIS_EVENTS');
  });
  afterEach(() => stack.disposeAsync());

  function listen(durable: string, handler: Options['handler'], options: Partial<Options> = {}) {
    return stack.use(
      consume(mesh.bus, { schema: UploadFailedSchema, durable, handler, backoff, ...options }),
    );
  }
  const unsettled = async (durable: string) => {
    const info = await mesh.bus.manager.consumers.info('KERKIS_EVENTS', durable);
    return info.num_pending + info.num_ack_pending;
  };

  test('an event arrives with its attributes, in the trace of its maker', async () => {
    const got: { uploadId: string; event: EventMeta; traceId: string | undefined }[] = [];
    listen('trace', async ({ uploadId }, { event }) => {
      await withSpan(mesh.bus.tracer, 'inside', {}, (span) => {
        got.push({ uploadId, event, traceId: span.spanContext().traceId });
      });
    });
    const made = await withSpan(mesh.bus.tracer, 'request', {}, (span) => ({
      entry: uploadFailed('upl ünïcode"%'),
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
    }));
    await send(mesh.bus, made.entry);
    await waitUntil(() => got.length === 1);
    expect(got[0]).toMatchObject({
      uploadId: 'upl ünïcode"%',
      traceId: made.traceId,
      event: {
        id: made.entry.id,
        type: 'kerkis.upload.events.v1.UploadFailed',
        source: 'upload',
        subjectId: 'upl ünïcode"%',
        subject: 'kerkis.event.upload.upload.failed',
      },
    });
    await waitUntil(async () => (await unsettled('trace')) === 0);
    const spans = mesh.spans.getFinishedSpans().filter((s) => s.spanContext().traceId === made.traceId);
    const publishing = spans.find(({ kind }) => kind === SpanKind.PRODUCER);
    const processing = spans.find(({ kind }) => kind === SpanKind.CONSUMER);
    expect(publishing?.name).toBe('publish kerkis.event.upload.upload.failed');
    expect(publishing?.parentSpanContext?.spanId).toBe(made.spanId);
    expect(processing?.parentSpanContext?.spanId).toBe(publishing?.spanContext().spanId);
    expect(processing?.links[0]?.context.spanId).toBe(publishing?.spanContext().spanId);
    expect(processing?.attributes).toMatchObject({ 'messaging.system.name': 'nats' });
  });

  test('a failure that may pass is delivered again until it passes', async () => {
    const tries: number[] = [];
    listen('retry', async (_message, { deliveries }) => {
      tries.push(deliveries);
      if (tries.length < 3) throw new KerkisError('unavailable', 'DATABASE_UNAVAILABLE', 'Not now.');
    });
    await send(mesh.bus, uploadFailed('upl_1'));
    await waitUntil(async () => tries.length === 3 && (await unsettled('retry')) === 0);
    expect(tries).toEqual([1, 2, 3]);
  });

  test('a failure that stays, and a message that nobody can read, are given up', async () => {
    const seen: string[] = [];
    listen('term', async ({ uploadId }) => {
      seen.push(uploadId);
      if (uploadId === 'upl_bad') throw new KerkisError('not_found', 'ASSET_NOT_FOUND', 'No such asset.');
    });
    await send(mesh.bus, uploadFailed('upl_bad'));
    await send(mesh.bus, { ...uploadFailed('upl_x'), data: Buffer.from([0xff, 0xff]).toString('base64') });
    const other = uploadFailed('upl_y');
    await send(mesh.bus, { ...other, headers: { ...other.headers, 'ce-type': 'some.Other' } });
    await send(mesh.bus, uploadFailed('upl_good'));
    await waitUntil(async () => seen.includes('upl_good') && (await unsettled('term')) === 0);
    expect(seen.toSorted()).toEqual(['upl_bad', 'upl_good']);
  });

  test('a handler that runs longer than the ack wait runs once', async () => {
    const { promise: release, resolve } = Promise.withResolvers<void>();
    let calls = 0;
    const ackWaitMs = 600;
    listen(
      'long',
      async () => {
        calls += 1;
        await release;
      },
      { ackWaitMs },
    );
    await send(mesh.bus, uploadFailed('upl_1'));
    await waitUntil(() => calls === 1);
    await new Promise((done) => setTimeout(done, 4 * ackWaitMs));
    resolve();
    await waitUntil(async () => (await unsettled('long')) === 0);
    expect(calls).toBe(1);
    const info = await mesh.bus.manager.consumers.info('KERKIS_EVENTS', 'long');
    expect(info.delivered.consumer_seq).toBe(1);
  });

  test('replicas share one durable: each event is handled once', async () => {
    const seen: string[] = [];
    const other = await mesh.connect('replica');
    const handler = async ({ uploadId }: { uploadId: string }) => void seen.push(uploadId);
    const options = { schema: UploadFailedSchema, durable: 'shared', handler };
    stack.use(consume(mesh.bus, options));
    stack.use(consume(other, options));
    const ids = Array.from({ length: 100 }, (_, n) => `upl_${n}`);
    await Promise.all(ids.map((id) => send(mesh.bus, uploadFailed(id))));
    await waitUntil(async () => seen.length >= 100 && (await unsettled('shared')) === 0);
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  test('leaving strands nothing: what was not finished is delivered to the next at once', async () => {
    const done: string[] = [];
    const ids = Array.from({ length: 200 }, (_, n) => `upl_${n}`);
    // NATS 2.9.10 forgets a returned message until ack_wait while only dead requests wait (see README).
    const ackWaitMs = version === 'debian' ? 1_000 : 30_000;
    const publishing = (async () => {
      for (const id of ids) await send(mesh.bus, uploadFailed(id));
    })();
    for (let round = 0; round < 8; round += 1) {
      const consumption = consume(mesh.bus, {
        schema: UploadFailedSchema,
        durable: 'leaving',
        concurrency: 8,
        ackWaitMs,
        drainMs: 0,
        handler: async ({ uploadId }, { signal }) => {
          await new Promise((resolve) => setImmediate(resolve));
          if (done.length % 7 === 3) signal.throwIfAborted();
          done.push(uploadId);
        },
      });
      const before = done.length;
      await waitUntil(() => done.length > before + 5 || done.length >= ids.length);
      await consumption[Symbol.asyncDispose]();
    }
    await publishing;
    listen('leaving', async ({ uploadId }) => void done.push(uploadId), { ackWaitMs });
    await waitUntil(async () => (await unsettled('leaving')) === 0, { timeoutMs: 8_000 });
    expect([...new Set(done)].toSorted()).toEqual(ids.toSorted());
  });

  test('a handler that is still at work when the service stops is told, and its event returned', async () => {
    let called = false;
    const atWork: Options['handler'] = (_message, { signal }) =>
      new Promise((_resolve, reject) => {
        called = true;
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const ackWaitMs = version === 'debian' ? 1_000 : 30_000;
    const consumption = listen('stopping', atWork, { drainMs: 50, ackWaitMs });
    await send(mesh.bus, uploadFailed('upl_1'));
    await waitUntil(() => called);
    await consumption[Symbol.asyncDispose]();
    const seen: string[] = [];
    listen('stopping', async ({ uploadId }) => void seen.push(uploadId), { ackWaitMs });
    await waitUntil(() => seen.length > 0, { timeoutMs: 8_000 });
    expect(seen).toEqual(['upl_1']);
  });
});
