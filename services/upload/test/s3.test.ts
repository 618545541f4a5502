import { createHash } from 'node:crypto';
import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import { startS3, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, reasonOf, someBytes, startFixture } from './fixture.ts';
import { open, patchHeaders, send } from './raw-tus.ts';

const partBytes = 5 * 1024 * 1024;
const bytes = someBytes(2 * partBytes + 4321);
const sha256 = createHash('sha256').update(bytes).digest('hex');

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let kerkis: Fixture;
beforeAll(async () => {
  const s3 = stack.use(await startS3());
  const config = `
upload: { partSizeBytes: 5MiB, maxSizeBytes: 1GiB }
storage:
  kind: s3
  s3:
    endpoint: ${s3.endpoint}
    region: ${s3.region}
    bucket: ${s3.bucket}
    accessKeyId: ${s3.accessKeyId}
    secretAccessKey: ${s3.secretAccessKey}`;
  kerkis = stack.use(await startFixture({ config }));
});

async function ends(uploadId: string, state: UploadState) {
  return await waitUntil(async () => {
    const { upload } = await kerkis.uploads.getUpload({ uploadId });
    return upload?.state === state && upload;
  });
}

describe('presigned parts', () => {
  async function begun(declared = {}, sizeBytes = bytes.length) {
    const method = UploadMethod.PRESIGNED;
    const request = { method, sizeBytes: BigInt(sizeBytes), spec: declared };
    const { upload } = await kerkis.uploads.createUpload(request);
    return { uploadId: upload?.id ?? '', assetId: upload?.assetId ?? '', partSize: upload?.partSizeBytes };
  }

  async function put(uploadId: string, partNumbers: number[]) {
    const { parts } = await kerkis.uploads.signParts({ uploadId, partNumbers });
    const sent = parts.map(async ({ partNumber, url, sizeBytes }) => {
      const start = (partNumber - 1) * partBytes;
      const body = bytes.subarray(start, start + Number(sizeBytes));
      const answer = await fetch(url, { method: 'PUT', body: new Uint8Array(body) });
      expect(answer.status).toBe(200);
      return { partNumber, etag: answer.headers.get('etag') ?? '' };
    });
    return await Promise.all(sent);
  }

  test('go to the bucket itself, and the whole is verified', async () => {
    const { uploadId, partSize } = await begun({ sha256 });
    expect(partSize).toBe(BigInt(partBytes));
    const parts = await put(uploadId, [3, 1, 2]);
    const { upload } = await kerkis.uploads.completeUpload({ uploadId, parts });
    expect(upload).toMatchObject({ state: UploadState.COMPLETED, sha256, offsetBytes: BigInt(bytes.length) });
    expect((await kerkis.uploads.completeUpload({ uploadId, parts })).upload).toEqual(upload);
    await waitUntil(() => kerkis.completed.some((each) => each.uploadId === uploadId));
    expect(await kerkis.stored(`sources/${upload?.assetId}/`)).toEqual([
      `sources/${upload?.assetId}/${uploadId}`,
    ]);
  });

  test('without a declared SHA-256 are complete at once, and it is told when it was read', async () => {
    const { uploadId, assetId } = await begun();
    const parts = await put(uploadId, [1, 2, 3]);
    const { upload } = await kerkis.uploads.completeUpload({ uploadId, parts });
    expect(upload?.state).toBe(UploadState.COMPLETED);
    const told = () => kerkis.completed.filter((each) => each.uploadId === uploadId);
    await waitUntil(() => told().some(({ source }) => source?.sha256 === sha256));
    expect(told()[0]).toMatchObject({ assetId, source: { sizeBytes: BigInt(bytes.length) } });
    expect((await kerkis.uploads.getUpload({ uploadId })).upload?.sha256).toBe(sha256);
  });

  test('a part that is missing, wrong or of another size is named; then it can be sent again', async () => {
    const { uploadId } = await begun();
    const complete = (parts: { partNumber: number; etag: string }[]) =>
      kerkis.uploads.completeUpload({ uploadId, parts });
    const nothing = complete([{ partNumber: 1, etag: 'x' }]);
    expect(await reasonOf(nothing)).toBe('PART_MISSING');
    const [first, second] = await put(uploadId, [1, 2]);
    if (!first || !second) throw new Error('no parts');
    expect(await reasonOf(complete([first, second]))).toBe('PART_MISSING');
    const third = await put(uploadId, [3]);
    const swapped = [{ ...first, etag: second.etag }, second, ...third];
    expect(await reasonOf(complete(swapped))).toBe('PART_MISSING');
    expect(await reasonOf(complete([first, second, ...third, { partNumber: 4, etag: 'x' }]))).toBe(
      'PART_NUMBER_INVALID',
    );
    expect(await reasonOf(kerkis.uploads.signParts({ uploadId, partNumbers: [4] }))).toBe(
      'PART_NUMBER_INVALID',
    );
    expect((await complete([first, second, ...third])).upload?.state).toBe(UploadState.COMPLETED);
  });

  test('a wrong file fails with its reason, and nothing stays', async () => {
    const { uploadId, assetId } = await begun({ sha256: 'ab'.repeat(32) });
    const parts = await put(uploadId, [1, 2, 3]);
    const refused = kerkis.uploads.completeUpload({ uploadId, parts });
    expect(await reasonOf(refused)).toBe('CHECKSUM_MISMATCH');
    await ends(uploadId, UploadState.FAILED);
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([]);
    const again = kerkis.uploads.completeUpload({ uploadId, parts });
    expect(await reasonOf(again)).toBe('CHECKSUM_MISMATCH');
    expect(await reasonOf(kerkis.uploads.signParts({ uploadId, partNumbers: [1] }))).toBe(
      'UPLOAD_NOT_RECEIVING',
    );
  });

  test('a cancelled one leaves nothing', async () => {
    const { uploadId, assetId } = await begun();
    await put(uploadId, [1]);
    await kerkis.uploads.cancelUpload({ uploadId });
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([]);
  });

  test('need a size', async () => {
    const sizeless = kerkis.uploads.createUpload({ method: UploadMethod.PRESIGNED });
    expect(await reasonOf(sizeless)).toBe('SIZE_REQUIRED');
  });
});

describe('tus on S3', () => {
  test('a broken connection and small pieces make one object', async () => {
    const { upload } = await kerkis.uploads.createUpload({
      sizeBytes: BigInt(bytes.length),
      spec: { sha256 },
    });
    const url = `${kerkis.url}${upload?.tusPath}`;
    const patch = (start: number, end: number, more = {}) =>
      send(url, { method: 'PATCH', headers: patchHeaders(start, more), body: bytes.subarray(start, end) });
    const { outgoing } = open(url, {
      method: 'PATCH',
      headers: patchHeaders(0, { 'content-length': String(bytes.length) }),
    });
    outgoing.write(bytes.subarray(0, partBytes + 100), () => outgoing.destroy());
    await waitUntil(async () => {
      const { headers } = await send(url, { method: 'HEAD' });
      return headers['upload-offset'] === String(partBytes + 100);
    });
    const wrong = await patch(partBytes + 100, bytes.length, { 'upload-checksum': 'sha1 AAAA' });
    expect(wrong.status).toBe(460);
    for (let start = partBytes + 100; start < bytes.length; start += 1_000_000) {
      expect((await patch(start, start + 1_000_000)).status).toBe(204);
    }
    await ends(upload?.id ?? '', UploadState.COMPLETED);
    expect(await kerkis.stored(`sources/${upload?.assetId}/`)).toEqual([
      `sources/${upload?.assetId}/${upload?.id}`,
    ]);
  });
});
