import { createHash } from 'node:crypto';
import { UploadState } from '@kerkis/contracts/upload';
import { waitUntil } from '@kerkis/testing';
import { Upload } from 'tus-js-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, someBytes, startFixture } from './fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let kerkis: Fixture;
beforeAll(async () => {
  kerkis = stack.use(await startFixture({ config: 'upload: { partSizeBytes: 5MiB }' }));
});

test('a real client uploads, is broken off, and resumes where it was', async () => {
  const bytes = someBytes(12 * 1024 * 1024 + 17);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const metadata = {
    filename: 'film.mp4',
    filetype: 'video/mp4',
    title: 'A film',
    'meta.owner': 'Ada',
    sha256,
  };
  let sentBytes = 0;
  const first = Promise.withResolvers<string>();
  const broken = new Upload(bytes, {
    endpoint: `${kerkis.url}/upload/tus`,
    metadata,
    chunkSize: 7_000_000,
    onChunkComplete(_size, acceptedBytes) {
      sentBytes = acceptedBytes;
      void broken.abort().then(() => first.resolve(broken.url ?? ''));
    },
  });
  broken.start();
  const uploadUrl = await first.promise;
  expect(sentBytes).toBe(7_000_000);

  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const resumed = new Upload(bytes, {
    endpoint: `${kerkis.url}/upload/tus`,
    uploadUrl,
    chunkSize: 3_000_000,
    onSuccess: () => resolve(),
    onError: reject,
  });
  resumed.start();
  await promise;

  const uploadId = uploadUrl.split('/').at(-1) ?? '';
  await waitUntil(() => kerkis.completed.find((each) => each.uploadId === uploadId));
  const { upload } = await kerkis.uploads.getUpload({ uploadId });
  expect(upload).toMatchObject({ state: UploadState.COMPLETED, sha256, fileName: 'film.mp4' });
  const event = kerkis.completed.find((each) => each.uploadId === uploadId);
  expect(event?.source).toMatchObject({ sha256, sizeBytes: BigInt(bytes.length), contentType: 'video/mp4' });
  const stored = await kerkis.objects.getBytes(event?.source?.objectKey ?? '', { maxBytes: bytes.length });
  expect(createHash('sha256').update(stored).digest('hex')).toBe(sha256);
  expect(await kerkis.stored(`sources/${upload?.assetId}/`)).toEqual([event?.source?.objectKey]);
  expect(kerkis.catalog.assets.get(upload?.assetId ?? '')).toMatchObject({
    title: 'A film',
    metadata: { owner: 'Ada' },
  });
});
