import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { parseConfig } from '@kerkis/config';
import {
  AssetService,
  AssetState,
  GenerationService,
  GenerationState,
  PlaybackPolicy,
  PlaybackService,
  ProfileService,
} from '@kerkis/contracts/catalog';
import {
  AssetDeletionRequestedSchema,
  GenerationDeletionRequestedSchema,
  GenerationRequestedSchema,
} from '@kerkis/contracts/catalog/events';
import { ProfileSchema, type Track, TrackKind, TrackSchema, VideoCodec } from '@kerkis/contracts/media';
import {
  GenerationDeletedSchema,
  JobFailedSchema,
  JobFinishedSchema,
  JobPlannedSchema,
  MediaDeletedSchema,
  TrackFinishedSchema,
  TracksRevisedSchema,
} from '@kerkis/contracts/transcode/events';
import {
  SourceDeletedSchema,
  UploadCompletedSchema,
  UploadFailedSchema,
} from '@kerkis/contracts/upload/events';
import type { OutboxEntry } from '@kerkis/documents';
import { consume, event, startRelay } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { openResources } from '@kerkis/mesh';
import { createMeshTransport, fromConnectError, startServer } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { startNats, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCatalog } from '../src/service.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let assets: ReturnType<typeof createClient<typeof AssetService>>;
let generations: ReturnType<typeof createClient<typeof GenerationService>>;
let profiles: ReturnType<typeof createClient<typeof ProfileService>>;
let playback: ReturnType<typeof createClient<typeof PlaybackService>>;
let tell: <S extends DescMessage>(schema: S, message: MessageInitShape<S>) => Promise<void>;
const requested: { assetId: string; generationId: string }[] = [];
const deletions: string[] = [];
const generationDeletions: string[] = [];

beforeAll(async () => {
  const nats = stack.use(await startNats());
  const directory = stack.use(await tempDir());
  const config = parseConfig(
    `dataDirectory: ${directory.path}\nretention: {supersededGenerationMinutes: 0}\n`,
  );
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'catalog', version: '0', ...config.telemetry, logLevel: 'error' }),
  );
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url }),
  );
  const mesh = resources.meshFor('catalog');
  const service = stack.use(await startCatalog(mesh, { reconcileMs: 200, staleMs: 1_000 }));
  const server = stack.use(
    await startServer({
      host: '127.0.0.1',
      port: 0,
      parts: [service.parts],
      auth: 'off',
      telemetry,
      metricsHandler: telemetry.metricsHandler,
      drainMs: 500,
    }),
  );
  const transport = stack.use(createMeshTransport({ address: `127.0.0.1:${server.port}` }));
  assets = createClient(AssetService, transport);
  generations = createClient(GenerationService, transport);
  profiles = createClient(ProfileService, transport);
  playback = createClient(PlaybackService, transport);

  // The other services are played by this test: it tells their events, and hears what the catalog asks of them.
  const outbox = (await mesh.database()).collection<{ id: string }>({ name: 'others', indexes: {} });
  const relay = stack.use(startRelay({ bus: mesh.bus, collections: [outbox] }));
  tell = async (schema, message) => {
    const entry: OutboxEntry = event(schema, message, { subjectId: 'test', source: 'test' });
    await outbox.insert({ id: newId('evt') }, [entry]);
    await relay.flush();
  };
  stack.use(
    consume(mesh.bus, {
      schema: GenerationRequestedSchema,
      durable: 'test-generation-requested',
      handler: async ({ assetId, generationId }) => {
        requested.push({ assetId, generationId });
      },
    }),
  );
  stack.use(
    consume(mesh.bus, {
      schema: AssetDeletionRequestedSchema,
      durable: 'test-deletion-requested',
      handler: async ({ assetId }) => {
        deletions.push(assetId);
      },
    }),
  );
  stack.use(
    consume(mesh.bus, {
      schema: GenerationDeletionRequestedSchema,
      durable: 'test-generation-deletion-requested',
      handler: async ({ generationId }) => {
        generationDeletions.push(generationId);
      },
    }),
  );
});

const source = (assetId: string) => ({
  objectKey: `sources/${assetId}/x`,
  sizeBytes: 10n,
  sha256: 'ab'.repeat(32),
});

const track = (init: Pick<Partial<Track>, 'complete' | 'sizeBytes'> = {}) =>
  create(TrackSchema, {
    name: 'video/h264-360p',
    kind: TrackKind.VIDEO,
    codec: 'avc1.64001e',
    timescale: 12800,
    segments: [{ count: 2, duration: 51200n }],
    ...init,
  });

async function uploaded(title = 'a film'): Promise<{ assetId: string; generationId: string }> {
  const { asset } = await assets.createAsset({ title });
  const assetId = asset?.id ?? '';
  await tell(UploadCompletedSchema, { assetId, uploadId: newId('upl'), source: source(assetId) });
  await waitUntil(() => requested.some((each) => each.assetId === assetId));
  const generationId = requested.find((each) => each.assetId === assetId)?.generationId ?? '';
  await reaches(assetId, AssetState.SOURCE_READY);
  return { assetId, generationId };
}

async function plannedAsset() {
  const ids = await uploaded();
  await tell(JobPlannedSchema, {
    ...ids,
    jobId: newId('job'),
    grid: { segmentCount: 2, durationMs: 8000n },
    tracks: [track()],
  });
  await reaches(ids.assetId, AssetState.PLAYABLE);
  return ids;
}

async function reaches(assetId: string, state: AssetState) {
  await waitUntil(async () => (await assets.getAsset({ assetId })).asset?.state === state);
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => new Error('the call went well'),
    (caught: unknown) => caught,
  );
  return fromConnectError(ConnectError.from(error)).reason;
}

describe('the way of an asset', () => {
  test('a source without its SHA-256 gets it later, and nothing is made a second time', async () => {
    const { asset } = await assets.createAsset({ title: 'quick' });
    const assetId = asset?.id ?? '';
    const uploadId = newId('upl');
    const tellWith = (sha256: string) =>
      tell(UploadCompletedSchema, { assetId, uploadId, source: { ...source(assetId), sha256 } });
    const sha256Of = async () => (await assets.getAsset({ assetId })).asset?.source?.sha256;
    await tellWith('');
    await reaches(assetId, AssetState.SOURCE_READY);
    expect(await sha256Of()).toBe('');
    await tellWith('ab'.repeat(32));
    await waitUntil(async () => (await sha256Of()) === 'ab'.repeat(32));
    await tellWith('');
    await tellWith('cd'.repeat(32));
    await uploaded('told after it');
    expect(await sha256Of()).toBe('ab'.repeat(32));
    expect(requested.filter((each) => each.assetId === assetId)).toHaveLength(1);
  });

  test('upload, plan, finished track, finished job', async () => {
    const ids = await plannedAsset();
    await tell(TrackFinishedSchema, {
      ...ids,
      jobId: newId('job'),
      track: track({ complete: true, sizeBytes: 5n }),
    });
    await waitUntil(async () => {
      const { generation } = await generations.getGeneration(ids);
      return generation?.tracks[0]?.complete === true;
    });
    await tell(JobFinishedSchema, {
      ...ids,
      jobId: newId('job'),
      tracks: [track({ complete: true })],
      hasPoster: true,
    });
    await reaches(ids.assetId, AssetState.READY);
    const { asset } = await assets.getAsset(ids);
    expect(asset).toMatchObject({ activeGenerationId: ids.generationId, durationMs: 8000n });
    const found = await playback.lookUpPlaybackId({ playbackId: asset?.playbackIds[0]?.id ?? '' });
    expect(found.generation).toMatchObject({ state: GenerationState.COMPLETE, hasPoster: true });
  });

  test('a finished job that overtakes its plan waits for it', async () => {
    const ids = await uploaded();
    await tell(JobFinishedSchema, { ...ids, jobId: newId('job'), tracks: [track({ complete: true })] });
    await tell(JobPlannedSchema, {
      ...ids,
      jobId: newId('job'),
      grid: { durationMs: 8000n },
      tracks: [track()],
    });
    await reaches(ids.assetId, AssetState.READY);
  });

  test('a failed job fails the asset, with its reason', async () => {
    const ids = await uploaded();
    const failure = { reason: 'SOURCE_NOT_MEDIA', message: 'Not a media file.' };
    await tell(JobFailedSchema, { ...ids, jobId: newId('job'), failure });
    await reaches(ids.assetId, AssetState.FAILED);
    expect((await assets.getAsset(ids)).asset?.failure).toMatchObject(failure);
  });

  test('a failed upload fails the asset', async () => {
    const { asset } = await assets.createAsset({});
    const assetId = asset?.id ?? '';
    await tell(UploadFailedSchema, {
      assetId,
      uploadId: newId('upl'),
      failure: { reason: 'UPLOAD_EXPIRED' },
    });
    await reaches(assetId, AssetState.FAILED);
  });

  test('a new generation leaves the old one playing until it is complete', async () => {
    const ids = await plannedAsset();
    await tell(JobFinishedSchema, { ...ids, jobId: newId('job'), tracks: [track({ complete: true })] });
    await reaches(ids.assetId, AssetState.READY);
    const { generation } = await generations.createGeneration({ assetId: ids.assetId, profile: 'fast' });
    const next = { assetId: ids.assetId, generationId: generation?.id ?? '' };
    await tell(JobPlannedSchema, {
      ...next,
      jobId: newId('job'),
      grid: { durationMs: 8000n },
      tracks: [track()],
    });
    await waitUntil(
      async () => (await generations.getGeneration(next)).generation?.state === GenerationState.PLANNED,
    );
    expect((await assets.getAsset(ids)).asset).toMatchObject({
      state: AssetState.READY,
      activeGenerationId: ids.generationId,
    });
    await tell(JobFailedSchema, { ...next, jobId: newId('job'), failure: { reason: 'FFMPEG_FAILED' } });
    await waitUntil(
      async () => (await generations.getGeneration(next)).generation?.state === GenerationState.FAILED,
    );
    expect((await assets.getAsset(ids)).asset?.state).toBe(AssetState.READY);
    expect((await generations.listGenerations(ids)).generations.map(({ id }) => id)).toEqual([
      next.generationId,
      ids.generationId,
    ]);
  });

  test('another generation takes over, and the old one goes', async () => {
    const ids = await plannedAsset();
    const finish = (of: typeof ids) =>
      tell(JobFinishedSchema, {
        ...of,
        tracks: [track({ complete: true })],
        artefacts: { downloads: [{ name: '360p.mp4' }] },
      });
    await tell(TracksRevisedSchema, { ...ids, revision: 1n, tracks: [{ ...track(), offered: true }] });
    await waitUntil(async () => (await generations.getGeneration(ids)).generation?.tracks[0]?.offered);
    await finish(ids);
    await reaches(ids.assetId, AssetState.READY);
    const { generation } = await generations.createGeneration({ assetId: ids.assetId, profile: 'fast' });
    const next = { assetId: ids.assetId, generationId: generation?.id ?? '' };
    await tell(JobPlannedSchema, { ...next, grid: { durationMs: 8000n }, tracks: [track()] });
    await finish(next);
    await waitUntil(() => generationDeletions.includes(ids.generationId));
    const asset = (await assets.getAsset(ids)).asset;
    expect(asset).toMatchObject({ state: AssetState.READY, activeGenerationId: next.generationId });
    const playbackId = asset?.playbackIds[0]?.id ?? '';
    const playing = (await playback.lookUpPlaybackId({ playbackId })).generation;
    expect(playing).toMatchObject({
      id: next.generationId,
      artefacts: { downloads: [{ name: '360p.mp4' }] },
    });
    await tell(GenerationDeletedSchema, ids);
    await waitUntil(async () => (await generations.listGenerations(ids)).generations.length === 1);
    expect(await reasonOf(generations.getGeneration(ids))).toBe('GENERATION_NOT_FOUND');
  });

  test('what does not move is asked for again', async () => {
    const { assetId } = await uploaded();
    const before = requested.filter((each) => each.assetId === assetId).length;
    await waitUntil(() => requested.filter((each) => each.assetId === assetId).length > before);
  });

  test('an asset is gone once every service has deleted its part', async () => {
    const { assetId } = await uploaded();
    const seen: AssetState[] = [];
    const watching = (async () => {
      for await (const { asset } of assets.watchAsset({ assetId })) seen.push(asset?.state ?? 0);
    })();
    await waitUntil(() => seen.length > 0);
    await assets.deleteAsset({ assetId });
    await waitUntil(() => deletions.includes(assetId));
    await tell(SourceDeletedSchema, { assetId });
    expect((await assets.getAsset({ assetId })).asset?.state).toBe(AssetState.DELETING);
    await tell(MediaDeletedSchema, { assetId });
    await watching;
    expect(seen.at(0)).toBe(AssetState.SOURCE_READY);
    expect(seen.at(-1)).toBe(AssetState.DELETING);
    expect(await reasonOf(assets.getAsset({ assetId }))).toBe('ASSET_NOT_FOUND');
    expect((await generations.listGenerations({ assetId })).generations).toEqual([]);
  });
});

describe('requests', () => {
  test('the same request id gives the same asset', async () => {
    const first = await assets.createAsset({ requestId: 'r-1', title: 'one' });
    const second = await assets.createAsset({ requestId: 'r-1', title: 'two' });
    expect(second.asset).toEqual(first.asset);
  });

  test('lists by filter, order and page', async () => {
    const mark = newId('evt');
    for (const title of ['Alpha', 'beta', 'alphabet'])
      await assets.createAsset({ title, metadata: { mark } });
    const filter = { metadataKey: 'mark', metadataValue: mark };
    const first = await assets.listAssets({ filter, pageSize: 2 });
    const second = await assets.listAssets({ filter, pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.assets, ...second.assets].map(({ title }) => title)).toEqual([
      'alphabet',
      'beta',
      'Alpha',
    ]);
    expect(second.nextPageToken).toBe('');
    const oldest = await assets.listAssets({ filter: { ...filter, titleContains: 'ALPHA' }, order: 2 });
    expect(oldest.assets.map(({ title }) => title)).toEqual(['Alpha', 'alphabet']);
    const none = await assets.listAssets({ filter: { ...filter, state: AssetState.READY } });
    expect(none.assets).toEqual([]);
    expect(await reasonOf(assets.listAssets({ pageToken: 'nonsense' }))).toBe('PAGE_TOKEN_INVALID');
  });

  test('an update takes the masked fields and the current etag only', async () => {
    const { asset } = await assets.createAsset({ title: 'old', metadata: { a: '1' } });
    const id = asset?.id ?? '';
    const etag = asset?.etag ?? '';
    const updated = await assets.updateAsset({
      asset: { id, etag, title: 'new' },
      updateMask: { paths: ['title'] },
    });
    expect(updated.asset).toMatchObject({ title: 'new', metadata: { a: '1' } });
    const stale = assets.updateAsset({
      asset: { id, etag, title: 'newer' },
      updateMask: { paths: ['title'] },
    });
    expect(await reasonOf(stale)).toBe('ASSET_CHANGED');
    const state = assets.updateAsset({ asset: { id }, updateMask: { paths: ['state'] } });
    expect(await reasonOf(state)).toBe('FIELD_NOT_UPDATABLE');
  });

  test('playback IDs come and go', async () => {
    const { asset } = await assets.createAsset({});
    const made = await playback.createPlaybackId({ assetId: asset?.id ?? '', policy: PlaybackPolicy.SIGNED });
    const playbackId = made.playbackId?.id ?? '';
    expect((await playback.lookUpPlaybackId({ playbackId })).playbackId?.policy).toBe(PlaybackPolicy.SIGNED);
    await playback.deletePlaybackId({ playbackId });
    expect(await reasonOf(playback.lookUpPlaybackId({ playbackId }))).toBe('PLAYBACK_ID_NOT_FOUND');
  });

  test('profiles: configured ones are fixed, own ones are kept', async () => {
    const profile = create(ProfileSchema, { name: 'tiny', renditions: [{ shortSide: 144 }], audios: [{}] });
    await profiles.createProfile({ profile });
    expect(await reasonOf(profiles.createProfile({ profile }))).toBe('PROFILE_EXISTS');
    expect((await profiles.updateProfile({ profile: { ...profile, audios: [] } })).profile?.audios).toEqual(
      [],
    );
    const names = (await profiles.listProfiles({})).profiles.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['default', 'tiny']));
    expect(await reasonOf(profiles.deleteProfile({ name: 'default' }))).toBe('PROFILE_BUILT_IN');
    expect(await reasonOf(profiles.createProfile({ profile: { name: 'empty' } }))).toBe('PROFILE_EMPTY');
    await profiles.deleteProfile({ name: 'tiny' });
    expect(await reasonOf(profiles.getProfile({ name: 'tiny' }))).toBe('PROFILE_NOT_FOUND');
    expect(await reasonOf(assets.createAsset({ profile: 'tiny' }))).toBe('PROFILE_NOT_FOUND');
  });

  test('a quality is refused that only other codecs have', async () => {
    const make = (codec: VideoCodec) =>
      profiles.createProfile({
        profile: { name: `crf-${codec}`, renditions: [{ shortSide: 144, codec, crf: 60 }] },
      });
    await expect(make(VideoCodec.HEVC)).rejects.toThrow(/51 for H\.264 and HEVC/);
    await expect(make(VideoCodec.AV1)).resolves.toBeDefined();
  });

  test('a malformed id is refused with the field', async () => {
    const error = await assets
      .getAsset({ assetId: '../etc' })
      .catch((caught: unknown) => ConnectError.from(caught));
    expect(error).toMatchObject({ code: Code.InvalidArgument });
    expect(fromConnectError(error as ConnectError).violations[0]?.field).toContain('asset_id');
  });
});
