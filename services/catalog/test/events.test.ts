// Events that come again, late, or in another order than they were made: handlers on real stores.
import { create } from '@bufbuild/protobuf';
import { GenerationState } from '@kerkis/contracts/catalog';
import { TrackKind, TrackSchema } from '@kerkis/contracts/media';
import { TrackFinishedSchema, TracksRevisedSchema } from '@kerkis/contracts/transcode/events';
import { UploadCompletedSchema } from '@kerkis/contracts/upload/events';
import { KerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { startTelemetry } from '@kerkis/telemetry';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { onTrackFinished } from '../src/consumers/track-finished.ts';
import { onTracksRevised } from '../src/consumers/tracks-revised.ts';
import { onUploadCompleted } from '../src/consumers/upload-completed.ts';
import { newGeneration } from '../src/domain/generation.ts';
import { reconcile } from '../src/reconcile.ts';
import { type Ids, openRecord, profile } from './record-fixture.ts';

let record: Awaited<ReturnType<typeof openRecord>>;
let stores: typeof record.stores;
beforeEach(async () => {
  record = await openRecord();
  stores = record.stores;
});

const requests = () => record.told('GenerationRequested');

test('a failure of a former run that comes again does not take a complete asset away', async () => {
  const ids = await record.withSource();
  await record.failed(ids);
  await record.restarted(ids);
  await record.planned(ids);
  await record.finished(ids);
  await record.failed(ids);
  expect(await record.stateOf(ids)).toEqual(['READY', ids.generationId]);
});

test('the failure of a former run that comes late is never shown', async () => {
  const ids = await record.withSource();
  const [first, second] = [
    { ...ids, run: 1 },
    { ...ids, run: 2 },
  ];
  await record.planned(first);
  await record.restarted(second);
  expect(await record.stateOf(ids)).toEqual(['SOURCE_READY', '']);
  await record.failed(first);
  await record.planned(first);
  expect(await record.stateOf(ids)).toEqual(['SOURCE_READY', '']);
  await record.planned(second);
  await record.failed(first);
  await record.restarted(second);
  expect(await record.stateOf(ids)).toEqual(['PLAYABLE', ids.generationId]);
  await record.finished(first);
  expect(await record.stateOf(ids)).toEqual(['PLAYABLE', ids.generationId]);
  await record.finished(second);
  expect(await record.stateOf(ids)).toEqual(['READY', ids.generationId]);
});

test('a restart that is told again after that run has failed too changes nothing', async () => {
  const ids = await record.withSource();
  await record.failed({ ...ids, run: 1 });
  await record.restarted({ ...ids, run: 2 });
  await record.failed({ ...ids, run: 2 });
  await record.restarted({ ...ids, run: 2 });
  expect(await record.stateOf(ids)).toEqual(['FAILED', '']);
});

test('a plan tells that its run began, and replaces the one of the run before', async () => {
  const ids = await record.withSource();
  await record.failed({ ...ids, run: 1 });
  await record.planned({ ...ids, run: 2 });
  expect(await record.stateOf(ids)).toEqual(['PLAYABLE', ids.generationId]);
  const done = track('video/h264-360p', { complete: true, peakBandwidthBps: 7n });
  await revised({ ...ids, run: 2 }, 1n, [track('video/h264-360p')]);
  await onTrackFinished(stores, create(TrackFinishedSchema, { ...ids, run: 2, track: done }));
  const before = (await stores.assets.getAsset(ids.assetId)).etag;
  await expect(revised({ ...ids, run: 3 }, 2n, [])).rejects.toMatchObject({ reason: 'PLAN_NOT_KNOWN_YET' });
  await record.planned({ ...ids, run: 3 });
  await onTrackFinished(stores, create(TrackFinishedSchema, { ...ids, run: 2, track: done }));
  await revised({ ...ids, run: 3 }, 1n, [track('video/h264-360p')]);
  await revised({ ...ids, run: 2 }, 9n, [track('video/h264-999p')]);
  expect(await tracksOf(ids)).toEqual([['video/h264-360p', false, false, 0]]);
  expect((await stores.assets.getAsset(ids.assetId)).etag).not.toBe(before);
});

test('an old result that comes again does not replace a newer generation', async () => {
  const first = await record.withSource();
  await record.planned(first);
  await record.finished(first);
  const second = await record.nextGeneration(first.assetId, Date.now() + 1000);
  await record.planned(second);
  await record.finished(second);
  expect(await record.stateOf(first)).toEqual(['READY', second.generationId]);
  await record.finished(first);
  expect(await record.stateOf(first)).toEqual(['READY', second.generationId]);
});

test('a plan that comes again after the failure makes nothing playable', async () => {
  const ids = await record.withSource();
  await record.planned(ids);
  await record.failed(ids);
  await record.planned(ids);
  expect(await record.stateOf(ids)).toEqual(['FAILED', '']);
});

test('a plan that overtakes the source is delivered again', async () => {
  const assetId = await record.asset();
  const ids = await record.nextGeneration(assetId, Date.now());
  await expect(record.planned(ids)).rejects.toMatchObject({ kind: 'conflict' });
  await record.uploaded(assetId);
  await record.planned(ids);
  expect(await record.stateOf(ids)).toEqual(['PLAYABLE', ids.generationId]);
});

test('a failed generation leaves alone what plays or may come to play', async () => {
  const first = await record.withSource();
  await record.planned(first);
  const second = await record.nextGeneration(first.assetId, Date.now() + 1000);
  await record.failed(second);
  expect(await record.stateOf(first)).toEqual(['PLAYABLE', first.generationId]);
  const third = await record.nextGeneration(first.assetId, Date.now() + 2000);
  await record.failed(first);
  expect(await record.stateOf(first)).toEqual(['SOURCE_READY', '']);
  await record.failed(third);
  expect(await record.stateOf(first)).toEqual(['FAILED', '']);
});

test('a new generation brings a failed asset back', async () => {
  const first = await record.withSource();
  await record.failed(first);
  const second = await record.nextGeneration(first.assetId, Date.now() + 1000);
  await record.planned(second);
  expect(await record.stateOf(second)).toEqual(['PLAYABLE', second.generationId]);
  expect((await stores.assets.getAsset(first.assetId)).failure).toBeUndefined();
});

test('a restart that nobody told is made up for when the job finishes', async () => {
  const ids = await record.withSource();
  await record.failed(ids);
  const before = await requests();
  await expect(record.finished(ids)).rejects.toMatchObject({ reason: 'PLAN_NOT_KNOWN_YET' });
  expect(await requests()).toBe(before + 1);
  await record.planned(ids);
  await record.finished(ids);
  expect(await record.stateOf(ids)).toEqual(['READY', ids.generationId]);
});

test('only a missing profile is replaced by the default one', async () => {
  const gone = await record.asset('gone');
  await record.uploaded(gone);
  expect((await record.generationOf(gone)).profile?.name).toBe('default');
  const assetId = await record.asset('other');
  const away = new KerkisError('unavailable', 'DATABASE_UNAVAILABLE', 'Not now.');
  const profiles = { getProfile: async () => Promise.reject(away) };
  const message = create(UploadCompletedSchema, { assetId, uploadId: 'upl_1', source: { objectKey: 's' } });
  await expect(onUploadCompleted({ ...stores, profiles }, message)).rejects.toBe(away);
  await expect(record.generationOf(assetId)).rejects.toThrow('no generation');
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
  const waiting = await record.asset();
  for (let count = 0; count < 250; count += 1) {
    await stores.generations.addGeneration(newGeneration(newId('gen'), waiting, profile, new Date()), []);
  }
  const orphan = newGeneration(newId('gen'), newId('ast'), profile, new Date());
  await stores.generations.addGeneration(orphan, []);
  const { generationId } = await record.withSource();
  const before = await requests();
  for (let turn = 0; turn < 2; turn += 1) {
    const before = { stale: new Date(Date.now() + 1), superseded: new Date(0) };
    await new Promise((resolve) => setTimeout(resolve, 5));
    await reconcile({ ...stores, logger }, before, AbortSignal.timeout(30_000));
  }
  expect(await requests()).toBeGreaterThan(before);
  expect((await stores.generations.getGeneration(generationId)).state).toBe(GenerationState.REQUESTED);
  await expect(stores.generations.getGeneration(orphan.id)).rejects.toMatchObject({ kind: 'not_found' });
});

test('times sort, however many digits they have in JSON', async () => {
  const assetId = await record.asset();
  const late = await record.nextGeneration(assetId, 1_700_000_000_500);
  const early = await record.nextGeneration(assetId, 1_700_000_000_000);
  const { generations } = await stores.generations.listGenerations(assetId, 10, '');
  expect(generations.map(({ id }) => id)).toEqual([late.generationId, early.generationId]);
});

const track = (name: string, more: object = {}) =>
  create(TrackSchema, { name, kind: TrackKind.VIDEO, ...more });
const revised = (ids: Ids, revision: bigint, tracks: ReturnType<typeof track>[]) =>
  onTracksRevised(stores, create(TracksRevisedSchema, { ...ids, revision, tracks }));
const tracksOf = async ({ generationId }: Ids) =>
  (await stores.generations.getGeneration(generationId)).tracks.map(
    ({ name, offered, complete, peakBandwidthBps }) => [name, offered, complete, Number(peakBandwidthBps)],
  );

test('tracks are what the newest revision says, with what is known of complete ones', async () => {
  const ids = await record.withSource();
  await expect(revised(ids, 1n, [])).rejects.toMatchObject({ reason: 'PLAN_NOT_KNOWN_YET' });
  await record.planned(ids);
  await revised(ids, 2n, [track('video/h264-144p', { offered: true }), track('video/h264-360p')]);
  const finishedTrack = track('video/h264-360p', { complete: true, peakBandwidthBps: 7n });
  await onTrackFinished(stores, create(TrackFinishedSchema, { ...ids, track: finishedTrack }));
  const before = (await stores.assets.getAsset(ids.assetId)).etag;
  await revised(ids, 1n, [track('video/h264-999p')]);
  expect((await stores.assets.getAsset(ids.assetId)).etag).toBe(before);
  await revised(ids, 3n, [
    track('video/h264-144p', { offered: true }),
    track('video/h264-360p', { offered: true, peakBandwidthBps: 9n }),
  ]);
  await revised(ids, 2n, [track('video/h264-999p')]);
  expect(await tracksOf(ids)).toEqual([
    ['video/h264-144p', true, false, 0],
    ['video/h264-360p', true, true, 7],
  ]);
  expect((await stores.assets.getAsset(ids.assetId)).etag).not.toBe(before);
  await record.finished(ids);
  await revised(ids, 4n, []);
  expect(await tracksOf(ids)).toHaveLength(1);
});

test('a plan made anew counts its revisions anew', async () => {
  const ids = await record.withSource();
  await record.planned(ids);
  await revised(ids, 5n, [track('video/h264-360p')]);
  await record.failed(ids);
  await record.restarted(ids);
  await record.planned(ids);
  await revised(ids, 1n, [track('video/h264-240p')]);
  expect(await tracksOf(ids)).toEqual([['video/h264-240p', false, false, 0]]);
});
