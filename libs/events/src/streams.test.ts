import { rm } from 'node:fs/promises';
import { EncodeChunkSchema } from '@kerkis/contracts/transcode/tasks';
import { UploadFailedSchema } from '@kerkis/contracts/upload/events';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Mesh, natsVersions, send, startMesh, uploadFailed } from '../test/fixture.ts';
import {
  consume,
  createTaskPuller,
  ensureStreams,
  event,
  maxEventBytes,
  publishTask,
  type Wake,
  watch,
} from './index.ts';

describe.each(natsVersions)('streams on NATS %s', (version) => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await startMesh(version);
  });
  afterAll(() => mesh[Symbol.asyncDispose]());
  const configOf = async (name: string) => (await mesh.bus.manager.streams.info(name)).config;
  const day = 24 * 60 * 60 * 1e9;

  test('are as designed, stay as they are, and follow a changed setting', async () => {
    const first = await configOf('KERKIS_EVENTS');
    expect(first).toMatchObject({
      retention: 'limits',
      storage: 'file',
      max_age: 7 * day,
      duplicate_window: 120e9,
      subjects: ['kerkis.event.>'],
    });
    expect(await configOf('KERKIS_TASKS')).toMatchObject({
      retention: 'workqueue',
      storage: 'file',
      max_age: 0,
    });
    await Promise.all([ensureStreams(mesh.bus), ensureStreams(mesh.bus)]);
    expect(await configOf('KERKIS_EVENTS')).toEqual(first);
    await ensureStreams(mesh.bus, { eventDays: 3, taskAckWaitMs: 10_000 });
    expect((await configOf('KERKIS_EVENTS')).max_age).toBe(3 * day);
    const consumer = await mesh.bus.manager.consumers.info('KERKIS_TASKS', 'worker-bulk');
    expect(consumer.config.ack_wait).toBe(10e9);
    await ensureStreams(mesh.bus);
  });

  test('a setting that the server refuses is said so', async () => {
    const other = await mesh.connect('refused');
    await other.manager.streams.delete('KERKIS_EVENTS');
    await expect(ensureStreams(other, { replicas: 3, patienceMs: 100 })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('replicas > 1 not supported'),
    });
    await ensureStreams(other);
  });

  test('a store wiped while down, and a stream deleted while up, come back by themselves', async () => {
    const bus = await mesh.connect('wiped');
    const seen: string[] = [];
    await using _consumption = consume(bus, {
      schema: UploadFailedSchema,
      durable: 'wiped',
      handler: async ({ uploadId }) => void seen.push(uploadId),
    });
    await using puller = createTaskPuller(bus, { schema: EncodeChunkSchema });
    const waiting = puller.next();
    await send(bus, uploadFailed('before'));
    await waitUntil(() => seen.includes('before'));

    await mesh.nats.kill();
    await rm(mesh.nats.storeDir, { recursive: true });
    await mesh.nats.restart();
    await waitUntil(
      async () => {
        await send(bus, uploadFailed('after the wipe'));
        return seen.includes('after the wipe');
      },
      { timeoutMs: 20_000 },
    );
    await publishTask(
      bus,
      EncodeChunkSchema,
      { chunkId: 'unt_1' },
      { class: 'bulk', id: '1', subjectSuffix: 'j.1' },
    );
    const task = await waiting;
    expect(task?.message.chunkId).toBe('unt_1');
    task?.ack();

    await bus.manager.streams.delete('KERKIS_EVENTS');
    await send(bus, uploadFailed('after the deletion'));
    await waitUntil(() => seen.includes('after the deletion'), { timeoutMs: 20_000 });

    await bus.manager.consumers.delete('KERKIS_EVENTS', 'wiped');
    await waitUntil(() => bus.manager.consumers.info('KERKIS_EVENTS', 'wiped'), { timeoutMs: 20_000 });
  });

  test('a watcher is woken by events, whoever else listens, and by a reconnect', async () => {
    const wakes: Wake[] = [];
    using _watching = watch(mesh.bus, 'kerkis.event.upload.>', (wake) => {
      wakes.push(wake);
      throw new Error('a failing watcher must not hurt the connection');
    });
    await send(mesh.bus, uploadFailed('upl_w'));
    await waitUntil(() => wakes.length === 1);
    expect(wakes[0]).toMatchObject({ type: 'event', event: { subjectId: 'upl_w', source: 'upload' } });
    await mesh.nats.kill();
    await mesh.nats.restart();
    await waitUntil(() => wakes.some(({ type }) => type === 'reconnected'));
  });
});

test('an event must declare a subject and be of bearable size', () => {
  const origin = { subjectId: 'upl_1', source: 'upload' };
  expect(() => event(EncodeChunkSchema, {}, origin)).toThrow(TypeError);
  expect(() => event(UploadFailedSchema, { uploadId: 'x'.repeat(maxEventBytes) }, origin)).toThrow(
    expect.objectContaining({ kind: 'too_large', reason: 'EVENT_TOO_LARGE' }),
  );
});
