// One planner and several workers, each with connections of its own, as in a mesh of processes: MongoDB's protocol, S3, NATS.
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { type KerkisConfig, parseConfig } from '@kerkis/config';
import { GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { ProfileSchema } from '@kerkis/contracts/media';
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import type { Collection, Database } from '@kerkis/documents';
import { event, startRelay } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { type Mesh, openResources } from '@kerkis/mesh';
import type { ObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import {
  freePort,
  type MongoServer,
  makeMedia,
  type NatsServer,
  type S3Server,
  startMongo,
  startNats,
  startS3,
  tempDir,
  waitUntil,
} from '@kerkis/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { claimed } from '../src/domain/chunk.ts';
import { startTranscode, type TranscodePace } from '../src/service.ts';
import { type ChunkStore, chunkStore } from '../src/store/chunks.ts';
import { type JobStore, jobStore } from '../src/store/jobs.ts';

const servers = new AsyncDisposableStack();
afterAll(() => servers.disposeAsync());
let nats: NatsServer;
let mongo: MongoServer;
let s3: S3Server;
let stack: AsyncDisposableStack;
let scratch: string;
let databaseName: string;
let bucket: string;
let jobs: JobStore;
let chunks: ChunkStore;
let objects: ObjectStore;
interface Asked {
  readonly jobId: string;
  readonly prefix: string;
}
let ask: (file: string, preset?: string, before?: (prefix: string) => Promise<unknown>) => Promise<Asked>;

beforeAll(async () => {
  [mongo, s3] = await Promise.all([startMongo(), startS3()]);
  servers.use(mongo);
  servers.use(s3);
});

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  nats = stack.use(await startNats());
  scratch = stack.use(await tempDir()).path;
  databaseName = newId('evt');
  bucket = await s3.createBucket();
  const planner = await meshOf('planner');
  objects = await planner.objects();
  const database = await planner.database();
  [jobs, chunks] = [jobStore(database), chunkStore(database)];
  await start(planner);

  const outbox = database.collection<{ id: string }>({ name: 'others', indexes: {} });
  const relay = stack.use(startRelay({ bus: planner.bus, collections: [outbox] }));
  ask = async (file, preset = 'ultrafast', before = async () => {}) => {
    const [assetId, generationId] = [newId('ast'), newId('gen')];
    const objectKey = `sources/${assetId}/${newId('upl')}`;
    await objects.put(objectKey, createReadStream(file));
    const renditions = [{ shortSide: 180 }, { shortSide: 96 }];
    const profile = create(ProfileSchema, {
      name: 'test',
      preset,
      segmentMs: 1000,
      renditions,
      audios: [{}],
    });
    const message = { assetId, generationId, source: { objectKey }, profile };
    const entry = event(GenerationRequestedSchema, message, { subjectId: assetId, source: 'test' });
    const prefix = `media/${assetId}/${generationId}/`;
    await before(prefix);
    await outbox.insert({ id: newId('evt') }, [entry]);
    await relay.flush();
    return { jobId: `job_${generationId.slice(4)}`, prefix };
  };
});
afterEach(() => stack.disposeAsync());

interface MeshChange {
  readonly s3Endpoint?: string;
}

/** A mesh with connections of its own. */
async function meshOf(
  role: KerkisConfig['transcode']['role'],
  { s3Endpoint = s3.endpoint }: MeshChange = {},
): Promise<Mesh> {
  const config = parseConfig(
    JSON.stringify({
      dataDirectory: join(scratch, newId('evt')),
      database: { url: mongo.url(databaseName) },
      storage: {
        kind: 's3',
        s3: {
          endpoint: s3Endpoint,
          region: s3.region,
          bucket,
          accessKeyId: s3.accessKeyId,
          secretAccessKey: s3.secretAccessKey,
        },
      },
      transcode: {
        role,
        planner: { chunkSeconds: 1, leaseSeconds: 5, maxAttempts: 2 },
        // Tests that run beside this one must not starve it.
        worker: { slots: 1, niceness: 0, scratchDirectory: scratch },
      },
    }),
  );
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'transcode', version: '0', ...config.telemetry, logLevel: 'silent' }),
  );
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: role, natsUrl: nats.url }),
  );
  return resources.meshFor('transcode');
}

async function start(mesh: Mesh, pace: Partial<TranscodePace> = {}) {
  return stack.use(await startTranscode(mesh, { reconcileMs: 300, staleMs: 2_000, drainMs: 500, ...pace }));
}

type Update = Collection<{ readonly id: string }>['update'];

/** The mesh with something around each change of a chunk. */
function around(mesh: Mesh, wrap: (update: Update) => Update): Mesh {
  const database = async (): Promise<Database> => {
    const real = await mesh.database();
    const collection: Database['collection'] = (spec) => {
      const found = real.collection(spec);
      if (spec.name !== 'chunks') return found;
      const update = wrap(found.update.bind(found) as unknown as Update) as unknown as typeof found.update;
      return new Proxy(found, {
        get: (target, key) => (key === 'update' ? update : Reflect.get(target, key)),
      });
    };
    return new Proxy(real, {
      get: (target, key) => (key === 'collection' ? collection : Reflect.get(target, key)),
    });
  };
  return { ...mesh, database };
}

const jobState = async (jobId: string) => (await jobs.findJob(jobId))?.job.state;
const isFinished = (jobId: string) => async () => (await jobState(jobId)) === JobState.FINISHED;
const chunksOf = (jobId: string) => Array.fromAsync(chunks.chunksOf(jobId));
const keysBelow = async (prefix: string) =>
  (await Array.fromAsync(objects.list(prefix))).map(({ key }) => key).toSorted();
const patient = { timeoutMs: 50_000 };

test('two workers share one job', async () => {
  const finished = [new Set<string>(), new Set<string>()];
  for (const mine of finished) {
    const mesh = around(await meshOf('worker'), (update) => async (id, change) => {
      const after = await update(id, change);
      const { chunk } = (after?.doc ?? {}) as { chunk?: { state: string } };
      if (chunk?.state === 'CHUNK_STATE_FINISHED') mine.add(id);
      return after;
    });
    await start(mesh);
  }
  const { jobId, prefix } = await ask(await makeMedia('shared', { seconds: 16 }));
  await waitUntil(isFinished(jobId), patient);
  const made = await chunksOf(jobId);
  expect(made.every(({ chunk }) => chunk.attempts === 1 && chunk.epoch === 1n)).toBe(true);
  const [one = new Set(), two = new Set()] = finished;
  expect(Math.min(one.size, two.size)).toBeGreaterThan(0);
  expect(one.size + two.size).toBe(made.length);
  expect(one.union(two).size).toBe(made.length);
  // Three tracks of 16 segments and an init segment.
  const segments = (await keysBelow(prefix)).filter((key) => /\/(\d+\.m4s|init\.mp4)$/.test(key));
  expect(segments).toHaveLength(3 * 17);
});

test('a worker that freezes loses its chunk, and its late commit is refused', async () => {
  const { promise: thaw, resolve } = Promise.withResolvers<void>();
  const frozen = new Set<string>();
  const late: Promise<unknown>[] = [];
  const mesh = around(await meshOf('worker'), (update) => async (id, change) => {
    // The first write of each chunk, which takes it, goes through; each later one hangs.
    if (!frozen.has(id)) {
      frozen.add(id);
      return await update(id, change);
    }
    await thaw;
    const writing = update(id, change);
    late.push(writing);
    return await writing;
  });
  await start(mesh);
  const { jobId, prefix } = await ask(await makeMedia('short', { seconds: 2, audio: false }));
  await waitUntil(async () => (await keysBelow(prefix)).length > 0, patient);
  const [held = ''] = frozen;
  await start(await meshOf('worker'));
  await waitUntil(isFinished(jobId), patient);
  const before = await chunksOf(jobId);
  expect(before.find(({ chunk }) => chunk.id === held)?.chunk).toMatchObject({
    state: ChunkState.FINISHED,
    attempts: 2,
    // Taken, taken back, taken again.
    epoch: 3n,
  });
  const job = await jobs.getJob(jobId);
  resolve();
  await waitUntil(() => late.length > 0, patient);
  await Promise.allSettled(late);
  expect(await chunksOf(jobId)).toEqual(before);
  expect(await jobs.getJob(jobId)).toEqual(job);
});

test('what a worker held that is gone is given out again long before its lease ends', async () => {
  const { jobId } = await ask(await makeMedia('short', { seconds: 2, audio: false }));
  const queued = async () => await chunks.inState(await jobs.getJob(jobId), ChunkState.QUEUED, 1);
  await waitUntil(async () => (await jobState(jobId)) === JobState.RUNNING, patient);
  await waitUntil(async () => (await queued()).length > 0, patient);
  const [head] = await queued();
  const lost = { workerId: newId('wrk'), leaseMs: 3_600_000, now: new Date() };
  await chunks.changeChunk(head?.chunk.id ?? '', (current) => {
    const next = claimed(current, lost);
    return next && { record: next };
  });
  await start(await meshOf('worker'));
  await waitUntil(isFinished(jobId), patient);
  expect((await chunks.getChunk(head?.chunk.id ?? '')).chunk).toMatchObject({
    state: ChunkState.FINISHED,
    attempts: 2,
    epoch: 3n,
  });
});

test('a worker that is told to stop hands its chunk back at once, ffmpeg included', async () => {
  const leaving = await start(await meshOf('worker'), { drainMs: 0 });
  const slow = await makeMedia('long', { seconds: 12, audio: false, video: { width: 1280, height: 720 } });
  const { jobId } = await ask(slow, 'slow');
  const held = await waitUntil(async () => {
    const running = await chunks.inState(await jobs.getJob(jobId), ChunkState.RUNNING, 10);
    return running.find(({ chunk }) => chunk.tracks.length > 0);
  }, patient);
  await leaving[Symbol.asyncDispose]();
  const back = await chunks.getChunk(held.chunk.id);
  expect(back.chunk).toMatchObject({ state: ChunkState.QUEUED, attempts: 0, workerId: '' });
  await start(await meshOf('worker'));
  await waitUntil(isFinished(jobId), patient);
  expect((await chunksOf(jobId)).every(({ chunk }) => chunk.attempts === 1)).toBe(true);
});

test('attempts that are used up fail the job with the reason, and leave nothing', async () => {
  await start(await meshOf('worker', { s3Endpoint: `http://127.0.0.1:${await freePort()}` }));
  const { jobId, prefix } = await ask(
    await makeMedia('short', { seconds: 2, audio: false }),
    'ultrafast',
    async (place) => await objects.put(`${place}video/h264-180p/1.m4s`, Buffer.from('of an attempt before')),
  );
  await waitUntil(async () => {
    const record = await jobs.findJob(jobId);
    return record?.job.state === JobState.FAILED && !record.needsCleanUp;
  }, patient);
  const [chunk] = await chunksOf(jobId);
  expect(chunk?.chunk).toMatchObject({
    state: ChunkState.DEAD,
    attempts: 2,
    failure: { reason: 'STORAGE_UNAVAILABLE' },
  });
  expect((await jobs.getJob(jobId)).job.failure?.reason).toBe('STORAGE_UNAVAILABLE');
  expect(await keysBelow(prefix)).toEqual([]);
});

test('a NATS that dies and comes back empty loses neither chunks nor the end of the job', async () => {
  await start(await meshOf('worker'));
  const { jobId } = await ask(await makeMedia('shared', { seconds: 16 }));
  await waitUntil(async () => ((await jobs.findJob(jobId))?.job.finishedChunkCount ?? 0) > 0, patient);
  await nats.kill();
  await rm(nats.storeDir, { recursive: true });
  await nats.restart();
  await waitUntil(isFinished(jobId), patient);
});
