// Edges that fill from each other.
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { RoutingService } from '@kerkis/contracts/delivery';
import { newId } from '@kerkis/ids';
import { createMeshTransport } from '@kerkis/rpc';
import { freePort, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSeal } from '../src/fill/seal.ts';
import { type Edge, fetchRaw, generationOf, type Published, publish, startEdge } from './edge-fixture.ts';
import { type EdgeProcess, startEdgeProcess } from './edge-process.ts';

const track = 'video/h264-90p';
const segmentCount = 100;
const presentation = {
  durationMs: segmentCount * 2000,
  tracks: [
    {
      name: track,
      kind: 'video' as const,
      codec: 'avc1.42c01e',
      timescale: 1000,
      segments: [{ count: segmentCount, duration: 2000 }],
      peakBandwidthBps: 1,
      averageBandwidthBps: 1,
      video: { width: 160, height: 90, frameRate: { num: 25, den: 1 } },
    },
  ],
};
const secret = 'a-secret-of-the-whole-mesh';
const config = `auth: {meshToken: ${secret}}\ndelivery: {readAhead: false, memoryCacheBytes: 128MiB}`;

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let one: Edge;
let two: Edge;
/** A process of its own. */
let third: EdgeProcess;

beforeAll(async () => {
  const directory = stack.use(await tempDir('fill')).path;
  one = stack.use(await startEdge({ config, directory }));
  two = stack.use(await startEdge({ config, beside: one }));
  third = stack.use(
    await startEdgeProcess(await freePort(), {
      KERKIS_DATA_DIRECTORY: join(directory, 'third'),
      KERKIS_STORAGE_DIRECTORY: join(directory, 'objects'),
      KERKIS_NATS_URL: one.nats.url,
      KERKIS_SERVICES_CATALOG: 'http://127.0.0.1:9',
      KERKIS_AUTH_MESH_TOKEN: secret,
    }),
  );
  for (const { port } of [one, two, third])
    await waitUntil(async () => (await edgesKnownTo(port)).length === 3);
});

async function edgesKnownTo(port: number) {
  await using transport = createMeshTransport({ address: `127.0.0.1:${port}` });
  return (await createClient(RoutingService, transport).listEdges({})).edges;
}

const keyOf = ({ assetId, generation }: Published, n: number) =>
  `media/${assetId}/${generation.id}/${track}/${n}.m4s`;

async function film(from = 1, to = 1, sizeBytes = 10_000): Promise<Published> {
  const made = publish(one, generationOf(presentation, newId('ast')));
  for (let n = from; n <= to; n++) await one.store.put(keyOf(made, n), Buffer.alloc(sizeBytes, n));
  return made;
}

const readsOf = (key: string) => [...one.reads, ...two.reads].filter((read) => read === key).length;

async function watch(edge: Edge, { base }: Published, n: number, sizeBytes = 10_000): Promise<void> {
  const { status, body } = await edge.get(`${base}/${track}/${n}.m4s`);
  expect([status, body.equals(Buffer.alloc(sizeBytes, n))]).toEqual([200, true]);
}

test('crowds at all edges miss the same segments at once: each is read from the store once', async () => {
  const made = await film(1, 30);
  const numbers = Array.from({ length: 30 }, (_, i) => i + 1);
  await Promise.all(
    numbers.flatMap((n) => [one, two, one, two, one, two].map((edge) => watch(edge, made, n))),
  );
  const reads = numbers.map((n) => readsOf(keyOf(made, n)));
  expect(new Set(reads)).toEqual(new Set([0, 1]));
  // What neither of these two read came from the third; and each of these read some of it.
  for (const { reads: own } of [one, two])
    expect(own.some((key) => key.startsWith(`media/${made.assetId}/`))).toBe(true);
  const metrics = (await one.get('/metrics')).body.toString();
  const fills = /^kerkis_delivery_tier_looks_total\{[^}]*tier="peer",result="hit"[^}]*\} (\d+)$/m.exec(
    metrics,
  );
  expect(Number(fills?.[1])).toBeGreaterThan(5);
});

test('a large file is read once by blocks, whichever edge its ranges are asked of', async () => {
  const made = await film(1, 1, 33 * 1024 * 1024);
  const path = `${made.base}/${track}/1.m4s`;
  for (const edge of [one, two]) {
    for (let i = 0; i < 33; i += 3) {
      const range = `bytes=${i * 1_000_000}-${i * 1_000_000 + 999_999}`;
      const { status, body } = await edge.get(path, { range });
      expect([status, body.equals(Buffer.alloc(1_000_000, 1))]).toEqual([206, true]);
    }
  }
  await watch(two, made, 1, 33 * 1024 * 1024);
  // 33 blocks, the first of them with what is known of the whole; less what the third one read.
  expect(readsOf(keyOf(made, 1))).toBeLessThanOrEqual(33);
  expect(readsOf(keyOf(made, 1))).toBeGreaterThan(10);
});

test('what is not there is not there for all, and is found as soon as it was made', async () => {
  const made = await film(1, 1);
  const missing = `${made.base}/${track}/2.m4s`;
  expect((await one.get(missing)).status).toBe(404);
  await one.store.put(keyOf(made, 2), Buffer.alloc(10_000, 2));
  await waitUntil(async () => (await two.get(missing)).status === 200);
});

test('there is nothing at the paths of fills for who does not know the secret', async () => {
  const made = await film(1, 1);
  const key = keyOf(made, 1);
  await one.store.put('sources/ast_1/upl_1', Buffer.from('a source'));
  const path = `/fill/${key}`;
  const ask = async (at: string, headers: Record<string, string>, method = 'GET') =>
    (await fetchRaw({ port: one.port, path: at, method, headers })).status;
  const request = { path, range: '', isFresh: false };
  const seal = createSeal(secret);
  const authorization = seal.request(request);
  expect(await ask(path, { authorization })).toBe(200);
  expect(await ask(path, {})).toBe(404);
  expect(await ask(path, { authorization: `Bearer ${secret}` })).toBe(404);
  expect(await ask(path, { authorization: createSeal('another').request(request) })).toBe(404);
  expect(
    await ask(path, { authorization: createSeal(secret, () => Date.now() - 60_000).request(request) }),
  ).toBe(404);
  expect(await ask(path, { authorization: `${authorization.slice(0, -1)}_` })).toBe(404);
  expect(await ask(path, { authorization, range: 'bytes=0-1' })).toBe(404);
  expect(await ask(`${path}?x=1`, { authorization })).toBe(404);
  expect(await ask(path, { authorization }, 'POST')).toBe(404);
  for (const other of [
    '/fill/sources/ast_1/upl_1',
    '/fill/media/../sources/ast_1/upl_1',
    '/fill/media/%2e%2e/x',
    '/fill/',
  ]) {
    expect(await ask(other, { authorization: seal.request({ ...request, path: other }) })).toBe(404);
  }
  expect(
    await ask(path, { authorization: seal.request({ ...request, range: 'bytes=5-9' }), range: 'bytes=5-9' }),
  ).toBe(416);
});

test('an edge whose store is away is filled by the others', async () => {
  const made = await film(1, 20);
  one.fault.error = new Error('away');
  const statuses: number[] = [];
  for (let n = 1; n <= 20; n++) statuses.push((await one.get(`${made.base}/${track}/${n}.m4s`)).status);
  delete one.fault.error;
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(5);
});

test('an edge that is killed is not missed', async () => {
  const made = await film(1, 60);
  third.child.kill('SIGKILL');
  for (let n = 1; n <= 60; n++) await Promise.all([watch(one, made, n), watch(two, made, n)]);
  const reads = Array.from({ length: 60 }, (_, i) => readsOf(keyOf(made, i + 1)));
  expect(Math.min(...reads)).toBe(1);
  // Until it is known to be gone, who asks it in vain goes to the store.
  expect(reads.filter((count) => count === 1).length).toBeGreaterThan(40);
});
