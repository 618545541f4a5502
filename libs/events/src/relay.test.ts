import { UploadFailedSchema } from '@kerkis/contracts/upload/events';
import { type Collection, openDatabase } from '@kerkis/documents';
import { waitUntil } from '@kerkis/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Mesh, natsVersions, startMesh, uploadFailed } from '../test/fixture.ts';
import { consume, startRelay } from './index.ts';

interface Upload {
  readonly id: string;
  readonly step: number;
}

describe.each(natsVersions)('relay to NATS %s', (version) => {
  let mesh: Mesh;
  let stack: AsyncDisposableStack;
  let uploads: Collection<Upload>;
  let seen: string[];
  beforeAll(async () => {
    mesh = await startMesh(version);
  });
  afterAll(() => mesh[Symbol.asyncDispose]());
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    await mesh.bus.manager.streams.purge('KERKIS_EVENTS');
    const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
    uploads = database.collection<Upload>({ name: 'uploads', indexes: {} });
    seen = [];
    stack.use(
      consume(mesh.bus, {
        schema: UploadFailedSchema,
        durable: crypto.randomUUID(),
        concurrency: 1,
        handler: async ({ uploadId }) => void seen.push(uploadId),
      }),
    );
  });
  afterEach(() => stack.disposeAsync());

  const relay = (pollMs?: number) =>
    stack.use(startRelay({ bus: mesh.bus, collections: [uploads], ...(pollMs && { pollMs }) }));
  const stored = async () => (await mesh.bus.manager.streams.info('KERKIS_EVENTS')).state.messages;
  const nothingPending = async () => (await uploads.pendingOutbox(10)).length === 0;

  test('events leave at once after a write, in order per document', async () => {
    relay(600_000);
    await uploads.insert({ id: 'upl_a', step: 0 }, [uploadFailed('a0'), uploadFailed('a1')]);
    await waitUntil(() => seen.length === 2);
    const steps = Array.from({ length: 20 }, (_, n) => n + 2);
    for (const step of steps) {
      await uploads.update('upl_a', (doc) => ({ doc: { ...doc, step }, outbox: [uploadFailed(`a${step}`)] }));
    }
    await waitUntil(async () => seen.length === 22 && (await nothingPending()));
    expect(seen).toEqual([0, 1, ...steps].map((step) => `a${step}`));
    expect((await uploads.get('upl_a'))?.doc.step).toBe(21);
  });

  test('what another process left behind is found by polling', async () => {
    relay(50);
    const otherView = { ...uploads };
    await new Promise((resolve) => setTimeout(resolve, 100));
    await otherView.insert({ id: 'upl_b', step: 0 }, [uploadFailed('b')]);
    await waitUntil(async () => seen.includes('b') && (await nothingPending()));
  });

  test('more documents than one batch, on several lanes', async () => {
    const ids = Array.from({ length: 250 }, (_, n) => `upl_${n}`);
    for (const id of ids) await uploads.insert({ id, step: 0 }, [uploadFailed(id)]);
    expect(await relay(600_000).flush()).toBeLessThanOrEqual(ids.length);
    await waitUntil(async () => seen.length === ids.length && (await nothingPending()));
    expect(new Set(seen).size).toBe(ids.length);
  });

  test('killed between publish and removal: published again under the same id, dropped by the stream', async () => {
    const { promise: published, resolve } = Promise.withResolvers<void>();
    const crashing = {
      pendingOutbox: (limit: number) => uploads.pendingOutbox(limit),
      onOutbox: (listener: () => void) => uploads.onOutbox(listener),
      clearOutbox: async () => {
        resolve();
        throw new Error('killed');
      },
    };
    await uploads.insert({ id: 'upl_c', step: 0 }, [uploadFailed('c')]);
    const dying = startRelay({ bus: mesh.bus, collections: [crashing], pollMs: 600_000 });
    await published;
    await dying[Symbol.asyncDispose]();
    expect(await nothingPending()).toBe(false);
    relay(50);
    await waitUntil(async () => seen.includes('c') && (await nothingPending()));
    expect(await stored()).toBe(1);
  });

  test('an event that is too large for NATS does not hold up other documents', async () => {
    const huge = { ...uploadFailed('huge'), data: Buffer.alloc(2 * 1024 * 1024).toString('base64') };
    await uploads.insert({ id: 'upl_0', step: 0 }, [huge]);
    await uploads.insert({ id: 'upl_d', step: 0 }, [uploadFailed('d')]);
    const running = relay(50);
    await waitUntil(() => seen.includes('d'));
    await expect(running.flush()).rejects.toMatchObject({ reason: 'EVENT_TOO_LARGE' });
    expect((await uploads.pendingOutbox(10)).map(({ id }) => id)).toEqual(['upl_0']);
  });

  test('NATS down: everything is kept, and published when it is back', async () => {
    relay(50);
    await mesh.nats.kill();
    await waitUntil(() => !mesh.bus.ready());
    const ids = Array.from({ length: 10 }, (_, n) => `e${n}`);
    for (const id of ids) await uploads.insert({ id, step: 0 }, [uploadFailed(id)]);
    await expect(mesh.bus.ping()).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'EVENTS_UNAVAILABLE',
    });
    expect(await uploads.pendingOutbox(100)).toHaveLength(ids.length);
    await mesh.nats.restart();
    await waitUntil(async () => new Set(seen).size === ids.length && (await nothingPending()), {
      timeoutMs: 20_000,
    });
    await mesh.bus.ping();
  });
});
