import { type SourceArriving, SourceArrivingSchema } from '@kerkis/contracts/upload/events';
import { watchAnnouncements } from '@kerkis/events';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, someBytes, startFixture } from './fixture.ts';
import { patchHeaders, send } from './raw-tus.ts';

const partBytes = 5 * 1024 * 1024;
const bytes = someBytes(3 * partBytes);

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let kerkis: Fixture;
const heard: SourceArriving[] = [];
beforeAll(async () => {
  kerkis = stack.use(await startFixture({ config: 'upload: { partSizeBytes: 5MiB }' }));
  stack.use(watchAnnouncements(kerkis.bus, SourceArrivingSchema, (message) => void heard.push(message)));
});

async function created() {
  const headers = { 'upload-length': String(bytes.length) };
  const { headers: answered } = await send(`${kerkis.url}/upload/tus`, { method: 'POST', headers });
  const uploadId = String(answered.location).split('/').at(-1) ?? '';
  const told = () => heard.filter((each) => each.uploadId === uploadId);
  const patch = (from: number, to: number, more = {}) =>
    send(`${kerkis.url}/upload/tus/${uploadId}`, {
      method: 'PATCH',
      headers: patchHeaders(from, more),
      body: bytes.subarray(from, to),
    });
  return { uploadId, told, patch };
}

test('whole parts of a source are told of as they arrive, where others can read them', async () => {
  const { uploadId, told, patch } = await created();
  await patch(0, 1_000_000);
  await patch(1_000_000, partBytes + 5);
  const first = await waitUntil(() => told()[0]);
  const { upload } = await kerkis.uploads.getUpload({ uploadId });
  expect(first).toMatchObject({
    assetId: upload?.assetId,
    objectKey: `sources/${upload?.assetId}/${uploadId}`,
    arrivedBytes: BigInt(partBytes),
    sizeBytes: BigInt(bytes.length),
  });
  const growing = await kerkis.objects.growing?.(first.objectKey, first.multipartId);
  expect(growing?.sizeBytes).toBe(partBytes);
  await patch(partBytes + 5, 2 * partBytes + 7);
  await waitUntil(() => told().some(({ arrivedBytes }) => arrivedBytes === BigInt(2 * partBytes)));
});

test('bytes that may still be refused are not told of', async () => {
  const { told, patch } = await created();
  const wrong = { 'upload-checksum': `sha256 ${Buffer.alloc(32).toString('base64')}` };
  expect((await patch(0, partBytes + 5, wrong)).status).toBe(460);
  expect(told()).toEqual([]);
  await patch(0, partBytes + 5);
  await waitUntil(() => told().length === 1);
});

test('an upload that is complete is not told of', async () => {
  const { uploadId, told, patch } = await created();
  await patch(0, bytes.length);
  await waitUntil(() => kerkis.completed.some((each) => each.uploadId === uploadId));
  const other = await created();
  await other.patch(0, partBytes);
  await waitUntil(() => other.told().length === 1);
  expect(told()).toEqual([]);
});
