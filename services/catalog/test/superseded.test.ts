// Generations that another one took the place of: which plays, who gets an old one again, and when it goes.
import { setTimeout } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { CreateGenerationRequestSchema, GenerationState } from '@kerkis/contracts/catalog';
import { GenerationDeletedSchema, JobFinishedSchema } from '@kerkis/contracts/transcode/events';
import { startTelemetry } from '@kerkis/telemetry';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { onGenerationDeleted } from '../src/consumers/generation-deleted.ts';
import { onJobFinished } from '../src/consumers/job-finished.ts';
import { reconcile } from '../src/reconcile.ts';
import { createGeneration } from '../src/rpc/create-generation.ts';
import { type Ids, openRecord } from './record-fixture.ts';

let record: Awaited<ReturnType<typeof openRecord>>;
let stores: typeof record.stores;
beforeEach(async () => {
  record = await openRecord();
  stores = record.stores;
});

const epoch = new Date(0);
const later = () => new Date(Date.now() + 1_000);

/** One turn of the reconciler, as if its limits were over now. */
async function turn(before: { stale?: Date; superseded?: Date } = {}): Promise<void> {
  const telemetry = startTelemetry({
    serviceName: 'catalog',
    version: '0',
    sampleRatio: 1,
    logLevel: 'silent',
  });
  onTestFinished(() => telemetry[Symbol.asyncDispose]());
  const { logger } = telemetry.forService('catalog');
  const times = { stale: epoch, superseded: epoch, ...before };
  await reconcile({ ...stores, logger }, times, AbortSignal.timeout(30_000));
}

async function ask(assetId: string, profile = '', requestId = ''): Promise<Ids> {
  // Times of requests are kept in milliseconds: each has one of its own.
  await setTimeout(2);
  const request = create(CreateGenerationRequestSchema, { assetId, profile, requestId });
  const { generation } = await createGeneration(stores, request);
  return { assetId, generationId: generation?.id ?? '' };
}

const stateOf = async ({ generationId }: Ids) => {
  const { state, supersedeTime } = await stores.generations.getGeneration(generationId);
  return `${GenerationState[state]}${supersedeTime ? ', superseded' : ''}`;
};

async function complete(ids: Ids): Promise<void> {
  await record.planned(ids);
  await record.finished(ids);
}

/** An asset with a generation that played and one that plays. */
async function encodedTwice() {
  const old = await record.withSource();
  await complete(old);
  const active = await ask(old.assetId, 'other');
  await complete(active);
  return { old, active };
}

test('the old one stays for a while, then it is to go, and goes when nothing is stored any more', async () => {
  const { old, active } = await encodedTwice();
  expect(await record.stateOf(old)).toEqual(['READY', active.generationId]);
  expect([await stateOf(old), await stateOf(active)]).toEqual(['COMPLETE, superseded', 'COMPLETE']);
  await turn();
  expect(await stateOf(old)).toBe('COMPLETE, superseded');
  await turn({ superseded: later() });
  expect([await stateOf(old), await stateOf(active)]).toEqual(['DELETING, superseded', 'COMPLETE']);
  expect(await record.told('GenerationDeletionRequested')).toBe(1);
  await turn({ superseded: later() });
  expect(await record.told('GenerationDeletionRequested')).toBe(1);
  // Nobody answered: NATS may have been wiped.
  await turn({ stale: later() });
  expect(await record.told('GenerationDeletionRequested')).toBe(2);
  await onGenerationDeleted(stores.generations, create(GenerationDeletedSchema, old));
  await onGenerationDeleted(stores.generations, create(GenerationDeletedSchema, old));
  await onGenerationDeleted(stores.generations, create(GenerationDeletedSchema, active));
  const { generations } = await stores.generations.listGenerations(old.assetId, 10, '');
  expect(generations.map(({ id }) => id)).toEqual([active.generationId]);
});

test('a failed re-encode leaves the old one playing and collects nothing', async () => {
  const old = await record.withSource();
  await complete(old);
  const next = await ask(old.assetId, 'other');
  await record.planned(next);
  expect(await record.stateOf(old)).toEqual(['READY', old.generationId]);
  await record.failed(next);
  await turn({ superseded: later() });
  expect(await record.stateOf(old)).toEqual(['READY', old.generationId]);
  expect([await stateOf(old), await stateOf(next)]).toEqual(['COMPLETE', 'FAILED']);
});

test('an equal profile is not encoded again, under whatever name it comes', async () => {
  const first = await record.withSource();
  expect(await ask(first.assetId, 'twin')).toEqual(first);
  await complete(first);
  const before = await record.told('GenerationRequested');
  expect(await ask(first.assetId)).toEqual(first);
  expect(await ask(first.assetId, 'twin', 'r-1')).toEqual(first);
  expect(await record.told('GenerationRequested')).toBe(before);
  expect(await ask(first.assetId, 'other')).not.toEqual(first);
});

test('two who ask for the same at a time get one; what failed is made again', async () => {
  const first = await record.withSource();
  const [one, two] = await Promise.all([ask(first.assetId, 'other'), ask(first.assetId, 'other')]);
  expect(one).toEqual(two);
  await record.failed(one);
  const again = await ask(first.assetId, 'other');
  expect(again).not.toEqual(one);
  expect(await stateOf(again)).toBe('REQUESTED');
});

test('an old one that is asked for again plays at once, and is not collected', async () => {
  const { old, active } = await encodedTwice();
  expect(await ask(old.assetId)).toEqual(old);
  expect(await record.stateOf(old)).toEqual(['READY', old.generationId]);
  expect([await stateOf(old), await stateOf(active)]).toEqual(['COMPLETE', 'COMPLETE, superseded']);
  // What made the other one play comes again.
  await record.finished(active);
  await turn({ superseded: later(), stale: later() });
  expect(await record.stateOf(old)).toEqual(['READY', old.generationId]);
  expect([await stateOf(old), await stateOf(active)]).toEqual(['COMPLETE', 'DELETING, superseded']);
  // One that is on its way out comes back as a new one.
  expect(await ask(old.assetId, 'other')).not.toEqual(active);
});

test('one that was asked for again while it is made plays when it is complete', async () => {
  const old = await record.withSource();
  await record.planned(old);
  const newer = await ask(old.assetId, 'other');
  await complete(newer);
  expect(await record.stateOf(old)).toEqual(['READY', newer.generationId]);
  expect(await ask(old.assetId)).toEqual(old);
  await record.finished(old);
  expect(await record.stateOf(old)).toEqual(['READY', old.generationId]);
  expect(await stateOf(newer)).toBe('COMPLETE, superseded');
});

test('one that is complete too late to play is collected too', async () => {
  const old = await record.withSource();
  await record.planned(old);
  const newer = await ask(old.assetId, 'other');
  await complete(newer);
  await record.finished(old);
  expect(await record.stateOf(old)).toEqual(['READY', newer.generationId]);
  await turn({ superseded: later() });
  expect([await stateOf(old), await stateOf(newer)]).toEqual(['DELETING, superseded', 'COMPLETE']);
});

test('a crash between the writes of a switch is made up for by the reconciler', async () => {
  const old = await record.withSource();
  await complete(old);
  const next = await ask(old.assetId, 'other');
  await record.planned(next);
  const crash = new Error('killed');
  const changeAsset = () => Promise.reject(crash);
  const dying = { ...stores, assets: { ...stores.assets, changeAsset } };
  await expect(onJobFinished(dying, create(JobFinishedSchema, next))).rejects.toBe(crash);
  expect(await record.stateOf(old)).toEqual(['READY', old.generationId]);
  await turn({ stale: later() });
  expect(await record.stateOf(old)).toEqual(['READY', next.generationId]);
  expect(await stateOf(old)).toBe('COMPLETE, superseded');
  const { etag } = await stores.assets.getAsset(old.assetId);
  await turn({ stale: later() });
  expect((await stores.assets.getAsset(old.assetId)).etag).toBe(etag);
});

test('the one that plays is never collected, whatever it is marked as', async () => {
  const { old, active } = await encodedTwice();
  await stores.generations.changeGeneration(active.generationId, (current) => ({
    ...current,
    supersedeTime: { ...current.createTime, seconds: 1n, nanos: 0, $typeName: 'google.protobuf.Timestamp' },
  }));
  await turn({ superseded: later() });
  expect([await stateOf(old), await stateOf(active)]).toEqual(['DELETING, superseded', 'COMPLETE']);
});
