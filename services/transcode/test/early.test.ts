import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { createClient, createRouterTransport } from '@connectrpc/connect';
import { parseConfig } from '@kerkis/config';
import { AssetSchema, AssetService, AssetState, ProfileService } from '@kerkis/contracts/catalog';
import { AssetDeletionRequestedSchema, GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { type Profile, ProfileSchema } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import { MediaDeletedSchema } from '@kerkis/contracts/transcode/events';
import { SourceArrivingSchema, UploadFailedSchema } from '@kerkis/contracts/upload/events';
import { announce, consume, event, startRelay } from '@kerkis/events';
import { idForRequest, newId } from '@kerkis/ids';
import { type Mesh, openResources } from '@kerkis/mesh';
import type { NamedPart, ObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import { makeMedia, startNats, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChunkRecord } from '../src/domain/chunk.ts';
import { segmentKey } from '../src/domain/segment-keys.ts';
import { earlyJobId } from '../src/early/early-job.ts';
import { earlyStore } from '../src/early/early-store.ts';
import { startTranscode } from '../src/service.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let mesh: Mesh;
let objects: ObjectStore;
let stores: {
  early: ReturnType<typeof earlyStore>;
  chunks: ReturnType<typeof chunkStore>;
  jobs: ReturnType<typeof jobStore>;
};
let tell: <S extends DescMessage>(schema: S, message: MessageInitShape<S>) => Promise<void>;
const deleted: string[] = [];
const gone = new Set<string>();

const profile: Profile = create(ProfileSchema, {
  name: 'test',
  preset: 'ultrafast',
  segmentMs: 2000,
  renditions: [{ shortSide: 96 }, { shortSide: 64 }],
  audios: [{ bitrateBps: 64_000 }],
  extras: { noPoster: true, noIframes: true },
});

beforeAll(async () => {
  const nats = stack.use(await startNats());
  const directory = stack.use(await tempDir()).path;
  const config = parseConfig(
    `{ dataDirectory: ${directory}, transcode: { planner: { chunkSeconds: 8, leaseSeconds: 5, reuse: false }, worker: { slots: 2, niceness: 0 } } }`,
  );
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'transcode', version: '0', ...config.telemetry, logLevel: 'error' }),
  );
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url }),
  );
  mesh = { ...resources.meshFor('transcode'), client: playedCatalog() };
  objects = await mesh.objects();
  const database = await mesh.database();
  stores = { early: earlyStore(database), chunks: chunkStore(database), jobs: jobStore(database) };
  stack.use(await startTranscode(mesh, { reconcileMs: 300, staleMs: 1_000, drainMs: 500 }));
  const outbox = database.collection<{ id: string }>({ name: 'others', indexes: {} });
  const relay = stack.use(startRelay({ bus: mesh.bus, collections: [outbox] }));
  tell = async (schema, message) => {
    const entry = event(schema, message, { subjectId: 'test', source: 'test' });
    await outbox.insert({ id: newId('evt') }, [entry]);
    await relay.flush();
  };
  const handler = async ({ assetId }: { assetId: string }) => void deleted.push(assetId);
  stack.use(consume(mesh.bus, { schema: MediaDeletedSchema, durable: 'test-deleted', handler }));
});

/** Assets whose upload is under way, unless they are gone. */
function playedCatalog(): Mesh['client'] {
  const transport = createRouterTransport((router) => {
    router.service(AssetService, {
      getAsset: ({ assetId: id }) => {
        const state = gone.has(id) ? AssetState.FAILED : AssetState.CREATED;
        return { asset: create(AssetSchema, { id, state, profile: 'test' }) };
      },
    });
    router.service(ProfileService, { getProfile: () => ({ profile }) });
  });
  return (_service, schema) => createClient(schema, transport);
}

const seconds = 50;
const video = { width: 170, height: 96, fps: '10', gopFrames: 20 };
const film = (
  container: 'mp4' | 'mkv' | 'ts',
  outputOptions = container === 'mp4' ? ['-movflags', '+faststart'] : [],
) => makeMedia('early', { seconds, video, container, outputOptions });

/** An upload that arrives as far as it is told to. */
async function upload(file: string) {
  const bytes = await readFile(file);
  const [assetId, uploadId] = [newId('ast'), newId('upl')];
  const objectKey = `sources/${assetId}/${uploadId}`;
  const multipartId = await objects.createMultipart(objectKey);
  const parts: NamedPart[] = [];
  let offsetBytes = 0;
  const generationId = idForRequest('gen', uploadId);

  function hint(arrivedBytes = offsetBytes): void {
    const message = { uploadId, assetId, objectKey, multipartId, arrivedBytes: BigInt(arrivedBytes) };
    const origin = { subjectId: uploadId, source: 'upload' };
    announce(mesh.bus, SourceArrivingSchema, { ...message, sizeBytes: BigInt(bytes.length) }, origin);
  }

  async function arrive(share: number): Promise<void> {
    const piece = bytes.subarray(offsetBytes, Math.floor(bytes.length * share));
    const partNumber = parts.length + 1;
    const at = { offsetBytes };
    const { etag } = await objects.putPart(objectKey, multipartId, partNumber, piece, piece.length, at);
    parts.push({ partNumber, etag });
    offsetBytes += piece.length;
    hint();
  }

  return {
    ...{ assetId, uploadId, objectKey, multipartId, generationId, hint, arrive },
    id: earlyJobId(uploadId),
    jobId: `job_${generationId.slice(4)}`,
    finishedChunks: async () => {
      const all = await Array.fromAsync(stores.chunks.chunksOf(earlyJobId(uploadId)));
      return all.filter(({ measured }) => Object.keys(measured).length > 0);
    },
    abort: () => objects.abortMultipart(objectKey, multipartId),
    async complete() {
      await arrive(1);
      await objects.completeMultipart(objectKey, multipartId, parts);
    },
    request: () => tell(GenerationRequestedSchema, { assetId, generationId, source: { objectKey }, profile }),
    async finished() {
      const isFinished = async () =>
        (await stores.jobs.findJob(`job_${generationId.slice(4)}`))?.job.state === JobState.FINISHED;
      await waitUntil(isFinished, { what: 'the job to finish', timeoutMs: 60_000 });
    },
  };
}

type Upload = Awaited<ReturnType<typeof upload>>;

async function keysBelow(prefix: string): Promise<string[]> {
  return (await Array.fromAsync(objects.list(prefix))).map(({ key }) => key);
}

/** SHA-256 of every file of a generation, by its path below it. */
async function mediaOf({ assetId, generationId }: Upload): Promise<Map<string, string>> {
  const prefix = `media/${assetId}/${generationId}/`;
  const media = new Map<string, string>();
  for (const key of await keysBelow(prefix)) {
    const bytes = await objects.getBytes(key, { maxBytes: 2 ** 24 });
    media.set(key.slice(prefix.length), createHash('sha256').update(bytes).digest('hex'));
  }
  return media;
}

/** The files that some chunks made, or those in their places in a generation. */
async function filesOf({ assetId }: Upload, made: readonly ChunkRecord[], generationId?: string) {
  const place = { assetId, generationId: generationId ?? made[0]?.generationId ?? '' };
  const keys = made.flatMap(({ chunk: { tracks, firstSegment, segmentCount } }) =>
    tracks.flatMap((track) =>
      Array.from({ length: segmentCount }, (_, i) => segmentKey(place, track, firstSegment + i)),
    ),
  );
  return await Promise.all(keys.map(async (key) => (await stat(objects.localPath?.(key) ?? '')).ino));
}

/** What is left of early work. */
async function leftOf({ id, assetId, generationId }: Upload): Promise<unknown[]> {
  const keys = (await keysBelow(`media/${assetId}/`)).filter((key) => !key.includes(`/${generationId}/`));
  const chunks = await Array.fromAsync(stores.chunks.chunksOf(id));
  return [
    ...keys,
    ...chunks.map(({ chunk }) => chunk.id),
    ...((await stores.early.findEarly(id)) ? [id] : []),
  ];
}

const nothingLeft = (from: Upload) =>
  waitUntil(async () => (await leftOf(from)).length === 0, { what: 'nothing to be left', timeoutMs: 30_000 });

/** Tells of the arrival again and again, as an upload that goes on does. */
async function begun(source: Upload): Promise<void> {
  const isBegun = async () => {
    source.hint();
    return (await source.finishedChunks()).length >= 3;
  };
  await waitUntil(isBegun, { what: 'early chunks', timeoutMs: 60_000, intervalMs: 200 });
}

/** The same source without anything early: all its bytes are there before anybody hears of it. */
async function ordinary(file: string): Promise<Map<string, string>> {
  const source = await upload(file);
  const bytes = await readFile(file);
  await objects.put(source.objectKey, bytes);
  await source.request();
  await source.finished();
  return await mediaOf(source);
}

test.for(['mp4', 'mkv', 'ts'] as const)(
  'what is encoded while %s arrives is what would be encoded afterwards, and is not encoded again',
  { timeout: 180_000 },
  async (container) => {
    const file = await film(container);
    const source = await upload(file);
    await source.arrive(0.6);
    await source.arrive(0.8);
    await begun(source);
    expect(await keysBelow(`media/${source.assetId}/${source.generationId}/`)).toEqual([]);
    const made = await source.finishedChunks();
    const files = await filesOf(source, made);
    await source.complete();
    await source.request();
    await source.finished();
    const media = await mediaOf(source);
    expect(media).toEqual(await ordinary(file));
    expect(await filesOf(source, made, source.generationId)).toEqual(files);
    expect(media.size).toBeGreaterThan(3 * 20);
    await nothingLeft(source);
  },
);

test('a source that comes anew is another one: what was made of the former is not taken', async () => {
  const file = await film('mkv');
  const source = await upload(file);
  await source.arrive(0.9);
  await begun(source);
  const made = await source.finishedChunks();
  const files = await filesOf(source, made);
  const bytes = await readFile(file);
  await objects.put(source.objectKey, bytes);
  await source.request();
  await source.finished();
  const taken = new Set(files);
  expect((await filesOf(source, made, source.generationId)).filter((ino) => taken.has(ino))).toEqual([]);
  await nothingLeft(source);
});

test('an upload that fails, and an asset that is deleted, leave nothing', async () => {
  const file = await film('mkv');
  const [failed, removed] = [await upload(file), await upload(file)];
  for (const source of [failed, removed]) {
    await source.arrive(0.9);
    await begun(source);
    expect(await leftOf(source)).not.toEqual([]);
  }
  await failed.abort();
  gone.add(failed.assetId);
  await tell(UploadFailedSchema, { uploadId: failed.uploadId, assetId: failed.assetId });
  await nothingLeft(failed);
  await tell(AssetDeletionRequestedSchema, { assetId: removed.assetId });
  await waitUntil(() => deleted.includes(removed.assetId), { timeoutMs: 30_000 });
  await removed.abort();
  removed.hint();
  await nothingLeft(removed);
  expect(await keysBelow(`media/${removed.assetId}/`)).toEqual([]);
});

test('an upload whose end nobody told of is asked for', async () => {
  const source = await upload(await film('mkv'));
  await source.arrive(0.9);
  await begun(source);
  await source.abort();
  gone.add(source.assetId);
  await nothingLeft(source);
});

test('an index behind the media, and bytes that are no media, wait for all of it', async () => {
  const behind = await upload(await film('mp4', []));
  await behind.arrive(0.9);
  const hopeless = async () => (await stores.early.findEarly(behind.id))?.isHopeless;
  await waitUntil(hopeless, { what: 'the look to be over' });
  expect(await leftOf(behind)).toEqual([behind.id]);
  await behind.complete();
  await behind.request();
  await behind.finished();
  await nothingLeft(behind);
});
