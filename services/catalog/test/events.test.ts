// Events that come again, late, or in another order than they were made: handlers on real stores.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { AssetState, type Generation, GenerationState } from '@kerkis/contracts/catalog';
import { FailureSchema, GridSchema, ProfileSchema, TrackSchema } from '@kerkis/contracts/media';
import {
  JobFailedSchema,
  JobFinishedSchema,
  JobPlannedSchema,
  JobRestartedSchema,
} from '@kerkis/contracts/transcode/events';
import { UploadCompletedSchema } from '@kerkis/contracts/upload/events';
import { openDatabase } from '@kerkis/documents';
import { KerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { startTelemetry } from '@kerkis/telemetry';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { onJobFailed } from '../src/consumers/job-failed.ts';
import { onJobFinished } from '../src/consumers/job-finished.ts';
import { onJobPlanned } from '../src/consumers/job-planned.ts';
import { onJobRestarted } from '../src/consumers/job-restarted.ts';
import { onUploadCompleted } from '../src/consumers/upload-completed.ts';
import { newAsset } from '../src/domain/asset.ts';
import { newGeneration } from '../src/domain/generation.ts';
import { reconcile } from '../src/reconcile.ts';
import { assetStore } from '../src/store/assets.ts';
import { generationStore } from '../src/store/generations.ts';
import { profileStore } from '../src/store/profiles.ts';

const profile = create(ProfileSchema, { name: 'default', renditions: [{ shortSide: 144 }] });
const other = create(ProfileSchema, { name: 'other', renditions: [{ shortSide: 96 }] });
const tracks = [create(TrackSchema, { name: 'video/h264-144p' })];
const grid = create(GridSchema, { segmentCount: 1, durationMs: 4000n });
const failure = create(FailureSchema, { reason: 'FFMPEG_FAILED', message: 'No.' });
const now = () => new Date();

let stores: Awaited<ReturnType<typeof openStores>>;

async function openStores() {
  const database = await openDatabase({ url: 'sqlite::memory:' });
  onTestFinished(() => database[Symbol.asyncDispose]());
  const configured = new Map([
    ['default', profile],
    ['other', other],
  ]);
  return {
    assets: assetStore(database),
    generations: generationStore(database),
    profiles: profileStore(database, configured),
    defaultProfile: 'default',
  };
}

beforeEach(async () => {
  stores = await openStores();
});

async function asset(profileName = 'default'): Promise<string> {
  const id = newId('ast');
  const record = newAsset({
    ...{ id, playbackId: newId('pbk'), title: '', metadata: {}, profile: profileName },
    ...{ policy: 1, traceParent: '', now: now() },
  });
  await stores.assets.addAsset({ record, events: [] });
  return id;
}

const uploaded = (assetId: string) =>
  onUploadCompleted(
    stores,
    create(UploadCompletedSchema, { assetId, uploadId: newId('upl'), source: { objectKey: 'sources/x' } }),
  );

async function generationOf(assetId: string): Promise<Generation> {
  const [generation] = (await stores.generations.listGenerations(assetId, 1, '')).generations;
  if (!generation) throw new Error('no generation');
  return generation;
}

/** An asset with its source and first generation, created at a given time. */
async function withSource() {
  const assetId = await asset();
  await uploaded(assetId);
  return { assetId, generationId: (await generationOf(assetId)).id };
}

async function nextGeneration(assetId: string, createdAtMs: number) {
  const generation = newGeneration(newId('gen'), assetId, other, now());
  await stores.generations.addGeneration({ ...generation, createTime: timestampFromMs(createdAtMs) }, []);
  return { assetId, generationId: generation.id };
}

interface Ids {
  readonly assetId: string;
  readonly generationId: string;
}
const planned = (ids: Ids) => onJobPlanned(stores, create(JobPlannedSchema, { ...ids, grid, tracks }));
const finished = (ids: Ids) =>
  onJobFinished(stores, create(JobFinishedSchema, { ...ids, tracks, hasPoster: true }));
const failed = (ids: Ids) => onJobFailed(stores, create(JobFailedSchema, { ...ids, failure }));
const restarted = (ids: Ids) => onJobRestarted(stores, create(JobRestartedSchema, ids));
const stateOf = async ({ assetId }: Ids) => {
  const { state, activeGenerationId } = await stores.assets.getAsset(assetId);
  return [AssetState[state], activeGenerationId];
};
const requests = async () =>
  (await stores.generations.collection.pendingOutbox(100)).flatMap(({ entries }) =>
    entries.filter(({ type }) => type.endsWith('GenerationRequested')),
  ).length;

test('a failure of a former run that comes again does not take a complete asset away', async () => {
  const ids = await withSource();
  await failed(ids);
  await restarted(ids);
  await planned(ids);
  await finished(ids);
  await failed(ids);
  expect(await stateOf(ids)).toEqual(['READY', ids.generationId]);
});

test('an old result that comes again does not replace a newer generation', async () => {
  const first = await withSource();
  await planned(first);
  await finished(first);
  const second = await nextGeneration(first.assetId, Date.now() + 1000);
  await planned(second);
  await finished(second);
  expect(await stateOf(first)).toEqual(['READY', second.generationId]);
  await finished(first);
  expect(await stateOf(first)).toEqual(['READY', second.generationId]);
});

test('a plan that comes again after the failure makes nothing playable', async () => {
  const ids = await withSource();
  await planned(ids);
  await failed(ids);
  await planned(ids);
  expect(await stateOf(ids)).toEqual(['FAILED', '']);
});

test('a plan that overtakes the source is delivered again', async () => {
  const assetId = await asset();
  const ids = await nextGeneration(assetId, Date.now());
  await expect(planned(ids)).rejects.toMatchObject({ kind: 'conflict' });
  await uploaded(assetId);
  await planned(ids);
  expect(await stateOf(ids)).toEqual(['PLAYABLE', ids.generationId]);
});

test('a failed generation leaves alone what plays or may come to play', async () => {
  const first = await withSource();
  await planned(first);
  const second = await nextGeneration(first.assetId, Date.now() + 1000);
  await failed(second);
  expect(await stateOf(first)).toEqual(['PLAYABLE', first.generationId]);
  const third = await nextGeneration(first.assetId, Date.now() + 2000);
  await failed(first);
  expect(await stateOf(first)).toEqual(['SOURCE_READY', '']);
  await failed(third);
  expect(await stateOf(first)).toEqual(['FAILED', '']);
});

test('a new generation brings a failed asset back', async () => {
  const first = await withSource();
  await failed(first);
  const second = await nextGeneration(first.assetId, Date.now() + 1000);
  await planned(second);
  expect(await stateOf(second)).toEqual(['PLAYABLE', second.generationId]);
  expect((await stores.assets.getAsset(first.assetId)).failure).toBeUndefined();
});

test('a restart that nobody told is made up for when the job finishes', async () => {
  const ids = await withSource();
  await failed(ids);
  const before = await requests();
  await expect(finished(ids)).rejects.toMatchObject({ reason: 'PLAN_NOT_KNOWN_YET' });
  expect(await requests()).toBe(before + 1);
  await planned(ids);
  await finished(ids);
  expect(await stateOf(ids)).toEqual(['READY', ids.generationId]);
});

test('only a missing profile is replaced by the default one', async () => {
  const gone = await asset('gone');
  await uploaded(gone);
  expect((await generationOf(gone)).profile?.name).toBe('default');
  const assetId = await asset('other');
  const away = new KerkisError('unavailable', 'DATABASE_UNAVAILABLE', 'Not now.');
  const profiles = { getProfile: async () => Promise.reject(away) };
  const message = create(UploadCompletedSchema, { assetId, uploadId: 'upl_1', source: { objectKey: 's' } });
  await expect(onUploadCompleted({ ...stores, profiles }, message)).rejects.toBe(away);
  await expect(generationOf(assetId)).rejects.toThrow('no generation');
});

test('the reconciler reaches what is behind hundreds that do not move', async () => {
  const telemetry = startTelemetry({
    serviceName: 'catalog',
    version: '0',
    sampleRatio: 1,
    logLevel: 'silent',
  });
  onTestFinished(() => telemetry[Symbol.asyncDispose]());
  const { logger } = telemetry.forService('catalog');
  // Of assets that wait for their source, and of one that is gone.
  const waiting = await asset();
  for (let count = 0; count < 250; count += 1) {
    await stores.generations.addGeneration(newGeneration(newId('gen'), waiting, profile, now()), []);
  }
  const orphan = newGeneration(newId('gen'), newId('ast'), profile, now());
  await stores.generations.addGeneration(orphan, []);
  const { generationId } = await withSource();
  const before = await requests();
  for (let turn = 0; turn < 2; turn += 1) {
    const staleBefore = new Date(Date.now() + 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await reconcile({ ...stores, logger }, staleBefore, AbortSignal.timeout(30_000));
  }
  expect(await requests()).toBeGreaterThan(before);
  expect((await stores.generations.getGeneration(generationId)).state).toBe(GenerationState.REQUESTED);
  await expect(stores.generations.getGeneration(orphan.id)).rejects.toMatchObject({ kind: 'not_found' });
});

test('times sort, however many digits they have in JSON', async () => {
  const assetId = await asset();
  const late = await nextGeneration(assetId, 1_700_000_000_500);
  const early = await nextGeneration(assetId, 1_700_000_000_000);
  const { generations } = await stores.generations.listGenerations(assetId, 10, '');
  expect(generations.map(({ id }) => id)).toEqual([late.generationId, early.generationId]);
});
