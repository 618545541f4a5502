import { create } from '@bufbuild/protobuf';
import { AssetState } from '@kerkis/contracts/catalog';
import { UploadMethod, UploadSpecSchema, UploadState } from '@kerkis/contracts/upload';
import { openDatabase } from '@kerkis/documents';
import { newId } from '@kerkis/ids';
import { afterAll, expect, test } from 'vitest';
import { newSession } from '../src/domain/session.ts';
import { type ReconcileDependencies, reconcile } from '../src/reconcile.ts';
import { sessionStore } from '../src/store/sessions.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

/** A session that has been complete for a minute, and what the reconciler finds in the catalog. */
async function complete(assetState: AssetState) {
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  const sessions = sessionStore(database, { staleMs: 10_000, keepFailedMs: 60_000 });
  const now = new Date(Date.now() - 60_000);
  const id = newId('upl');
  const begun = newSession({
    ...{ id, now, method: UploadMethod.TUS, spec: create(UploadSpecSchema), sizeBytes: 1 },
    ...{ partSizeBytes: 1, expireTime: new Date(Date.now() + 60_000), trace: {} },
  });
  const upload = {
    ...begun.upload,
    assetId: newId('ast'),
    state: UploadState.COMPLETED,
    sha256: 'a'.repeat(64),
  };
  await sessions.addSession({ ...begun, upload });
  const catalog = { getAsset: async () => ({ asset: { state: assetState } }) };
  const dependencies = { sessions, catalog } as unknown as ReconcileDependencies;
  return { look: () => reconcile(dependencies), sessions, id };
}

test('an upload of which the catalog has heard is none that did not move', async () => {
  const { look, sessions, id } = await complete(AssetState.READY);
  expect(await look()).toBe(0);
  expect((await sessions.getSession(id)).settled).toBe(true);
  expect(await sessions.collection.pendingOutbox(10)).toEqual([]);
});

test('one of which the catalog has not heard is told again', async () => {
  const { look, sessions, id } = await complete(AssetState.CREATED);
  expect(await look()).toBe(1);
  expect((await sessions.getSession(id)).settled).toBe(false);
  const [told] = await sessions.collection.pendingOutbox(10);
  expect(told?.entries.map(({ type }) => type)).toEqual(['kerkis.upload.events.v1.UploadCompleted']);
});
