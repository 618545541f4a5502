import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { GenerationState } from '@kerkis/contracts/catalog';
import { AssetDeletedSchema } from '@kerkis/contracts/catalog/events';
import { SegmentStoredSchema } from '@kerkis/contracts/transcode/events';
import { KerkisError } from '@kerkis/errors';
import { announce } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { toConnectError } from '@kerkis/rpc';
import { tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import {
  type Edge,
  fetchRaw,
  generationOf,
  type Published,
  publish,
  reasonOf,
  startEdge,
} from './edge-fixture.ts';

const MiB = 1024 * 1024;
const track = 'video/h264-90p';
const segmentCount = 60;
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
const away = new KerkisError('unavailable', 'STORAGE_UNAVAILABLE', 'away');

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const published = (edge: Edge, state = GenerationState.COMPLETE) =>
  publish(edge, generationOf(presentation, newId('ast'), { state }));
const keyOf = ({ assetId, generation }: Published, n: number) =>
  `media/${assetId}/${generation.id}/${track}/${n}.m4s`;
const pathOf = ({ base }: Published, n: number) => `${base}/${track}/${n}.m4s`;

async function store(
  edge: Edge,
  film: Published,
  from: number,
  to: number,
  sizeBytes: number,
): Promise<void> {
  for (let n = from; n <= to; n++) await edge.store.put(keyOf(film, n), Buffer.alloc(sizeBytes, n));
}

async function statuses(edge: Edge, film: Published, from: number, to: number): Promise<Set<number>> {
  const seen = new Set<number>();
  for (let n = from; n <= to; n++) {
    const { status, body } = await edge.get(pathOf(film, n));
    seen.add(status);
    if (status === 200) expect(body.equals(Buffer.alloc(body.byteLength, n))).toBe(true);
  }
  return seen;
}

test('hundreds of viewers of one cold segment in a bucket cost one read, also when the first one leaves', async () => {
  await using edge = await startEdge({ store: 's3', config: 'delivery: {readAhead: false}' });
  const film = published(edge);
  await store(edge, film, 1, 1, 300_000);
  await edge.get(`${film.base}/master.m3u8`);
  const path = pathOf(film, 1);
  const leaving = request({ port: edge.port, path, agent: false });
  leaving.on('error', () => undefined).end();
  await waitUntil(() => edge.reads.length === 1, { intervalMs: 1 });
  leaving.destroy();
  const answers = await Promise.all(Array.from({ length: 200 }, () => fetchRaw({ port: edge.port, path })));
  expect(answers.every(({ status, body }) => status === 200 && body.equals(Buffer.alloc(300_000, 1)))).toBe(
    true,
  );
  expect(edge.reads).toEqual([keyOf(film, 1)]);
});

test('a thousand overlapping ranges of a large file cost no more than the file', async () => {
  await using edge = await startEdge({ config: 'delivery: {memoryCacheBytes: 128MiB, readAhead: false}' });
  const film = published(edge);
  const bytes = randomBytes(33 * MiB + 12_345);
  await edge.store.put(keyOf(film, 1), bytes);
  const path = pathOf(film, 1);
  const ask = async (start: number, end: number) => {
    const { status, body } = await edge.get(path, { range: `bytes=${start}-${end}` });
    expect([status, body.equals(bytes.subarray(start, end + 1))]).toEqual([206, true]);
  };
  await Promise.all(Array.from({ length: 20 }, (_, i) => ask(3 * MiB - 5 * i, 5 * MiB + 7 * i)));
  // What is known of it comes with its first block; then 2, 3, 4 and 5, the last of them by a viewer or ahead of one.
  expect(edge.reads.length).toBe(5);
  for (let i = 0; i < 1000; i += 20) {
    const starts = Array.from({ length: 20 }, (_, j) => (i + j) * 34_000);
    await Promise.all(starts.map((start) => ask(start, start + 99_999)));
  }
  await ask(33 * MiB, bytes.byteLength - 1);
  expect(edge.reads.length).toBe(34);
  const whole = await edge.get(path);
  expect(whole.body.equals(bytes)).toBe(true);
  expect(edge.reads.length).toBe(34);
}, 180_000);

test('a scan leaves what is watched in memory', async () => {
  await using edge = await startEdge({ config: 'delivery: {memoryCacheBytes: 2MiB, readAhead: false}' });
  const [hot, scanned] = [published(edge), published(edge)];
  await store(edge, hot, 1, 10, 100_000);
  await store(edge, scanned, 1, segmentCount, 100_000);
  for (let turn = 0; turn < 4; turn++) await statuses(edge, hot, 1, 10);
  expect(await statuses(edge, scanned, 1, segmentCount)).toEqual(new Set([200]));
  const before = edge.reads.length;
  await statuses(edge, hot, 1, 10);
  expect(edge.reads.length).toBe(before);
});

test('with catalog and store away, what is in memory and on disk plays on, after a restart too', async () => {
  const directory = stack.use(await tempDir('cache')).path;
  const config =
    'delivery: {memoryCacheBytes: 500kB, diskCacheBytes: 64MiB, manifestTtlSeconds: 0, readAhead: false}';
  const cacheFiles = async () =>
    (await readdir(join(directory, 'edge-cache'), { recursive: true })).filter((name) =>
      /-\w+-\w+$/.test(name),
    );
  const beside = stack.use(await startEdge());
  const film = published(beside);
  await store(beside, film, 1, 20, 100_000);
  await beside.store.put(keyOf(film, 1).replace(/1\.m4s$/, 'init.mp4'), Buffer.from('init'));
  {
    await using edge = await startEdge({ beside, directory, config });
    for (const name of ['master.m3u8', `${track}/media.m3u8`, `${track}/init.mp4`]) {
      expect((await edge.get(`${film.base}/${name}`)).status).toBe(200);
    }
    expect(await statuses(edge, film, 1, 20)).toEqual(new Set([200]));
    await waitUntil(async () => (await cacheFiles()).length === 21);
    edge.fault.error = away;
    beside.catalog.state.down = true;
    const lookUps = beside.catalog.state.lookUps;
    const stillKnown = async () => {
      expect((await edge.get(`${film.base}/master.m3u8`)).status).toBe(200);
      return beside.catalog.state.lookUps > lookUps + 1;
    };
    await waitUntil(stillKnown, { timeoutMs: 50_000 });
    for (const name of ['master.m3u8', 'manifest.mpd', `${track}/media.m3u8`, `${track}/init.mp4`]) {
      expect((await edge.get(`${film.base}/${name}`)).status).toBe(200);
    }
    expect(await statuses(edge, film, 1, 20)).toEqual(new Set([200]));
    expect(reasonOf(await edge.get(pathOf(film, 21)))).toBe('STORAGE_UNAVAILABLE');
    beside.catalog.state.down = false;
  }
  await using again = await startEdge({ beside, directory, config });
  again.fault.error = away;
  expect(await statuses(again, film, 1, 20)).toEqual(new Set([200]));
  expect(again.reads).toEqual([]);
  const metrics = (await again.get('/metrics')).body.toString();
  expect(metrics).toMatch(/^kerkis_delivery_tier_looks_total\{[^}]*tier="disk",result="hit"[^}]*\} 20$/m);
  expect(metrics).toMatch(/^kerkis_delivery_tier_read_total\{[^}]*tier="disk"[^}]*\} 2000000$/m);
});

test('damaged files are read from the store again', async () => {
  const directory = stack.use(await tempDir('cache')).path;
  const config = 'delivery: {memoryCacheBytes: 0, diskCacheBytes: 64MiB, readAhead: false}';
  await using edge = await startEdge({ directory, config });
  const film = published(edge);
  await store(edge, film, 1, 3, 10_000);
  await statuses(edge, film, 1, 3);
  const root = join(directory, 'edge-cache');
  const files = async () =>
    (await readdir(root, { recursive: true })).filter((name) => /-\w+-\w+$/.test(name));
  await waitUntil(async () => (await files()).length === 3);
  expect(await statuses(edge, film, 1, 3)).toEqual(new Set([200]));
  expect(edge.reads).toHaveLength(3);
  for (const name of await files()) await writeFile(join(root, name), Buffer.alloc(10_200, 9));
  expect(await statuses(edge, film, 1, 3)).toEqual(new Set([200]));
  expect(edge.reads).toHaveLength(6);
});

test('that there is none is known for a moment, and no longer than until there is one', async () => {
  await using edge = await startEdge();
  const film = published(edge, GenerationState.PLANNED);
  edge.transcode.ensure = () => {
    throw toConnectError(new KerkisError('precondition', 'JOB_ENDED', 'The job was cancelled.'));
  };
  for (let turn = 0; turn < 3; turn++) {
    const n = turn + 1;
    expect(reasonOf(await edge.get(pathOf(film, n)))).toBe('JOB_ENDED');
    expect(reasonOf(await edge.get(pathOf(film, n)))).toBe('JOB_ENDED');
    const key = keyOf(film, n);
    expect(edge.reads.filter((read) => read === key)).toHaveLength(1);
    await edge.store.put(key, Buffer.alloc(10, n));
    const told = { generationId: film.generation.id, track, segment: n };
    announce(edge.bus, SegmentStoredSchema, told, { subjectId: key, source: 'transcode' });
    await edge.bus.connection.flush();
    expect((await edge.get(pathOf(film, n))).status).toBe(200);
  }
});

test('the next segment of who plays on is read ahead, and nothing for who seeks', async () => {
  await using edge = await startEdge();
  const film = published(edge);
  await store(edge, film, 1, segmentCount, 1_000);
  const numbers = () => edge.reads.map((key) => Number(/(\d+)\.m4s$/.exec(key)?.[1]));
  await edge.get(pathOf(film, 1));
  await waitUntil(() => edge.reads.length === 2);
  for (let n = 2; n <= 10; n++) {
    await edge.get(pathOf(film, n));
    await waitUntil(() => edge.reads.length === n + 1);
  }
  expect(numbers()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  await edge.get(pathOf(film, 40));
  await edge.get(pathOf(film, segmentCount));
  await edge.get(pathOf(film, 20));
  await edge.get(pathOf(film, 21));
  await waitUntil(() => numbers().at(-1) === 22);
  expect(numbers().slice(11)).toEqual([40, segmentCount, 20, 21, 22]);
});

test('what is still to be made is not made for reading ahead', async () => {
  await using edge = await startEdge();
  const film = published(edge, GenerationState.PLANNED);
  await store(edge, film, 1, 2, 1_000);
  const asked: number[] = [];
  edge.transcode.ensure = async ({ segment }) => void asked.push(segment);
  expect(await statuses(edge, film, 1, 2)).toEqual(new Set([200]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toEqual([]);
});

test('of a deleted asset nothing is kept', async () => {
  const directory = stack.use(await tempDir('cache')).path;
  await using edge = await startEdge({ directory, config: 'delivery: {diskCacheBytes: 64MiB}' });
  const [deleted, other] = [published(edge), published(edge)];
  for (const film of [deleted, other]) {
    await store(edge, film, 1, 3, 1_000);
    await statuses(edge, film, 1, 3);
  }
  const root = join(directory, 'edge-cache');
  const files = async () =>
    (await readdir(root, { recursive: true })).filter((name) => /-\w+-\w+$/.test(name));
  await waitUntil(async () => (await files()).length === 6);
  const { assetId } = deleted;
  announce(edge.bus, AssetDeletedSchema, { assetId }, { subjectId: assetId, source: 'catalog' });
  await waitUntil(async () => (await files()).length === 3);
  edge.fault.error = away;
  expect(await statuses(edge, other, 1, 3)).toEqual(new Set([200]));
});
