import { isKerkisError } from '@kerkis/errors';
import { type GetOptions, type ObjectStore, openObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import { tempDir } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import { createCounts } from '../cache/counts.ts';
import { openDiskCache } from '../cache/disk-cache.ts';
import { createOrigin } from '../cache/origin.ts';
import { blockBytes } from '../cache/piece.ts';
import { createRamCache } from '../cache/ram-cache.ts';
import { createMediaObjects } from './media-objects.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const telemetry = stack.use(
  startTelemetry({ serviceName: 'delivery', version: '0', logLevel: 'fatal', sampleRatio: 0 }),
);
const { tracer, logger } = telemetry;
const keyOf = (n: number) => `media/ast_1/gen_1/video/x/${n}.m4s`;

async function start(settings: { ramBytes: number; diskBytes?: number }) {
  const counts = createCounts();
  const store = stack.use(
    await openObjectStore({ kind: 'filesystem', directory: stack.use(await tempDir('store')).path }),
  );
  const reads: string[] = [];
  let before = async (_key: string) => {};
  const watched: Pick<ObjectStore, 'get'> = {
    async get(key: string, options?: GetOptions) {
      reads.push(key);
      await before(key);
      return await store.get(key, options);
    },
  };
  const { ramBytes, diskBytes } = settings;
  const directory = stack.use(await tempDir('disk')).path;
  const disk =
    diskBytes === undefined
      ? undefined
      : stack.use(await openDiskCache({ directory, capacityBytes: diskBytes, counts: counts.disk, logger }));
  const onUsed = disk && ((name: string) => disk.touch(name));
  const objects = createMediaObjects({
    ram: createRamCache({ capacityBytes: ramBytes, counts: counts.ram, onUsed }),
    disk,
    origin: createOrigin({ store: watched, tracer, counts: counts.origin, maxReads: 4 }),
    observe: () => undefined,
  });
  const beforeReads = (wait: (key: string) => Promise<void>) => {
    before = wait;
  };
  return { objects, store, reads, counts, disk, directory, beforeReads };
}

test('what memory answers all the time stays on disk for the time after a restart', async () => {
  const { objects, store, disk, directory, counts } = await start({
    ramBytes: 600_000,
    diskBytes: 1_200_000,
  });
  const hot = [1, 2, 3];
  for (let n = 1; n <= 103; n++) await store.put(keyOf(n), Buffer.alloc(50_000, n));
  for (let n = 1; n <= 103; n++) {
    await objects.read(keyOf(n));
    await disk?.settled();
    for (let turn = 0; turn < 3; turn++) for (const each of hot) await objects.read(keyOf(each));
  }
  await disk?.[Symbol.asyncDispose]();
  expect(counts.origin.hits).toBe(103);
  expect(counts.disk.evictions).toBeGreaterThan(50);
  const again = stack.use(
    await openDiskCache({ directory, capacityBytes: 1_200_000, counts: createCounts().disk, logger }),
  );
  for (const n of hot)
    expect((await again.get(keyOf(n)))?.bytes?.equals(Buffer.alloc(50_000, n)), `${n}`).toBe(true);
});

test('who asks anew is not answered by a read that began before', async () => {
  const { objects, store, reads, beforeReads } = await start({ ramBytes: 1_000_000 });
  const held = Promise.withResolvers<void>();
  beforeReads(() => (reads.length === 1 ? held.promise : Promise.resolve()));
  // The first read finds nothing, but says so only when the object is there.
  const removed = objects.read(keyOf(1)).catch((error: unknown) => error);
  await store.put(keyOf(1), Buffer.from('made'));
  expect((await objects.read(keyOf(1), { isFresh: true })).bytes?.toString()).toBe('made');
  await store.delete(keyOf(1));
  held.resolve();
  expect(await removed).toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
  expect(objects.peek(keyOf(1))?.bytes?.toString()).toBe('made');
});

test('blocks of an object that was replaced are not mixed', async () => {
  const { objects, store } = await start({ ramBytes: 100 * blockBytes, diskBytes: 200 * blockBytes });
  const read = async (start: number, end: number) => {
    const body = await objects.open(keyOf(1), { start, end }, AbortSignal.timeout(20_000));
    return Buffer.concat(await Array.fromAsync(body as AsyncIterable<Buffer>));
  };
  await store.put(keyOf(1), Buffer.alloc(33 * blockBytes, 1));
  expect(await read(10, 19)).toEqual(Buffer.alloc(10, 1));
  await store.put(keyOf(1), Buffer.alloc(34 * blockBytes, 2));
  const failed = await read(5 * blockBytes, 5 * blockBytes + 9).catch((error: unknown) => error);
  expect(failed).toMatchObject({ reason: 'STORAGE_UNAVAILABLE' });
  expect(await read(5 * blockBytes, 5 * blockBytes + 9)).toEqual(Buffer.alloc(10, 2));
  expect(await read(10, 19)).toEqual(Buffer.alloc(10, 2));
  expect((await read(0, 34 * blockBytes)).equals(Buffer.alloc(34 * blockBytes, 2))).toBe(true);
});

test('a read that fails is forgotten, and does not harm others', async () => {
  const { objects, store, beforeReads } = await start({ ramBytes: 1_000_000 });
  await store.put(keyOf(1), Buffer.from('here'));
  beforeReads(() => Promise.reject(new Error('the wire is cut: secret address')));
  const failures = await Promise.allSettled([objects.read(keyOf(1)), objects.read(keyOf(1))]);
  for (const failure of failures) {
    const { reason } = failure as PromiseRejectedResult;
    expect(isKerkisError(reason) && reason.reason).toBe('STORAGE_UNAVAILABLE');
    expect(String(reason.message)).not.toContain('secret');
  }
  beforeReads(async () => {});
  expect((await objects.read(keyOf(1))).bytes?.toString()).toBe('here');
});

test('a body that ends too early is no object', async () => {
  const { objects, store, counts } = await start({ ramBytes: 1_000_000 });
  await store.put(keyOf(1), Buffer.alloc(1_000));
  const short = createOrigin({
    store: {
      get: async (key, options) => ({
        ...(await store.get(key, options)),
        sizeBytes: 2_000,
        bodyBytes: 2_000,
      }),
    },
    tracer,
    counts: counts.origin,
    maxReads: 1,
  });
  await expect(short.fetch({ key: keyOf(1) })).rejects.toMatchObject({ reason: 'STORAGE_UNAVAILABLE' });
  expect((await objects.read(keyOf(1))).sizeBytes).toBe(1_000);
});
