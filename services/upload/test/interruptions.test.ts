import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { UploadState } from '@kerkis/contracts/upload';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, someBytes, startFixture } from './fixture.ts';
import { metadataHeader, open, patchHeaders, send } from './raw-tus.ts';

const partBytes = 5 * 1024 * 1024;
const bytes = someBytes(2 * partBytes + 12_345);

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let kerkis: Fixture;
beforeAll(async () => {
  kerkis = stack.use(await startFixture({ config: 'upload: { partSizeBytes: 5MiB }' }));
});

async function created(metadata: Record<string, string> = {}, sizeBytes = bytes.length): Promise<string> {
  const { headers } = await send(`${kerkis.url}/upload/tus`, {
    method: 'POST',
    headers: { 'upload-length': String(sizeBytes), 'upload-metadata': metadataHeader(metadata) },
  });
  return String(headers.location);
}

const at = (path: string, base = kerkis.url) => `${base}${path}`;
const idOf = (path: string) => path.split('/').at(-1) ?? '';
const patch = (path: string, offset: number, body: Uint8Array, more = {}) =>
  send(at(path), { method: 'PATCH', headers: patchHeaders(offset, more), body });

async function offsetOf(path: string, base = kerkis.url): Promise<number> {
  const { headers } = await send(at(path, base), { method: 'HEAD' });
  return Number(headers['upload-offset']);
}

async function ends(path: string, state: UploadState) {
  return await waitUntil(async () => {
    const { upload } = await kerkis.uploads.getUpload({ uploadId: idOf(path) });
    return upload?.state === state && upload;
  });
}

async function completesWith(path: string, expected: Buffer): Promise<void> {
  const { sha256, assetId } = await ends(path, UploadState.COMPLETED);
  expect(sha256).toBe(createHash('sha256').update(expected).digest('hex'));
  expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([`sources/${assetId}/${idOf(path)}`]);
}

/** A PATCH that has sent its first bytes and stays open. */
async function halfSent(path: string, sentBytes: number, base = kerkis.url) {
  const headers = patchHeaders(0, { 'content-length': String(bytes.length) });
  const { outgoing, answer } = open(at(path, base), { method: 'PATCH', headers });
  await new Promise<void>((resolve) => outgoing.write(bytes.subarray(0, sentBytes), () => resolve()));
  return { outgoing, answer };
}

describe('a connection that breaks', () => {
  test.each([1, 777_777, partBytes, partBytes + 1, 2 * partBytes + 99])(
    'after %i bytes keeps every one of them',
    async (sentBytes) => {
      const path = await created();
      const { outgoing } = await halfSent(path, sentBytes);
      outgoing.destroy();
      await waitUntil(async () => (await offsetOf(path)) === sentBytes);
      expect((await patch(path, sentBytes, bytes.subarray(sentBytes))).status).toBe(204);
      await completesWith(path, bytes);
    },
  );

  test('and a service that restarts', async () => {
    const path = await created();
    expect((await patch(path, 0, bytes.subarray(0, partBytes + 500))).status).toBe(204);
    await kerkis.restart();
    expect(await offsetOf(path)).toBe(partBytes + 500);
    await patch(path, partBytes + 500, bytes.subarray(partBytes + 500));
    await completesWith(path, bytes);
  });

  test('in the middle of bytes under a checksum: none of them count', async () => {
    const path = await created();
    const { outgoing } = open(at(path), {
      method: 'PATCH',
      headers: patchHeaders(0, { 'upload-checksum': 'sha1 AAAA', 'content-length': String(bytes.length) }),
    });
    outgoing.write(bytes.subarray(0, partBytes + 5));
    await waitUntil(async () => (await kerkis.stored()).some((key) => key.includes(idOf(path))));
    outgoing.destroy();
    await waitUntil(async () => (await patch(path, 0, bytes)).status === 204);
    await completesWith(path, bytes);
  });
});

describe('two writers', () => {
  test('a second one is told to wait while the first sends', async () => {
    const path = await created();
    const first = await halfSent(path, 1000);
    const answer = await waitUntil(async () => {
      const refused = await patch(path, 0, bytes);
      return refused.status === 423 && refused;
    });
    expect(answer.reason).toBe('UPLOAD_BUSY');
    first.outgoing.end(bytes.subarray(1000));
    expect((await first.answer).status).toBe(204);
    await completesWith(path, bytes);
  });

  test('a silent one loses its upload to another replica, and can do no harm later', async () => {
    await using replica = await kerkis.serve();
    const path = await created();
    const frozen = await halfSent(path, partBytes + 1000);
    await waitUntil(async () => (await offsetOf(path, replica.url)) === partBytes);
    const other = await waitUntil(async () => {
      const url = at(path, replica.url);
      const body = bytes.subarray(partBytes, partBytes + 2000);
      const answer = await send(url, { method: 'PATCH', headers: patchHeaders(partBytes), body });
      return answer.status === 204 && answer;
    });
    expect(other.headers['upload-offset']).toBe(String(partBytes + 2000));
    frozen.outgoing.end(bytes.subarray(partBytes + 1000));
    expect(await frozen.answer).toMatchObject({ status: 409, reason: 'UPLOAD_TAKEN_OVER' });
    const offset = await offsetOf(path);
    expect(offset).toBe(partBytes + 2000);
    await patch(path, offset, bytes.subarray(offset));
    await completesWith(path, bytes);
  });

  test('a deletion reaches a writer in the middle of its work, and nothing of it stays', async () => {
    const path = await created();
    const writer = await halfSent(path, partBytes + 1000);
    await waitUntil(async () => (await offsetOf(path)) === partBytes);
    expect((await send(at(path), { method: 'DELETE' })).status).toBe(204);
    writer.outgoing.end(bytes.subarray(partBytes + 1000));
    expect((await writer.answer).status).toBe(409);
    const { assetId } = await ends(path, UploadState.FAILED);
    await waitUntil(async () => (await kerkis.stored(`sources/${assetId}/`)).length === 0);
  });
});

describe('checksums', () => {
  const digest = (algorithm: string, of: Uint8Array) =>
    `${algorithm} ${createHash(algorithm).update(of).digest('base64')}`;

  test.each(['sha256', 'sha1', 'md5'])('%s of one request', async (algorithm) => {
    const path = await created();
    await patch(path, 0, bytes.subarray(0, 1000));
    const rest = bytes.subarray(1000);
    const damaged = Buffer.from(rest);
    damaged[partBytes] = (damaged[partBytes] ?? 0) ^ 1;
    const checksum = { 'upload-checksum': digest(algorithm, rest) };
    const refused = await patch(path, 1000, damaged, checksum);
    expect(refused).toMatchObject({ status: 460, reason: 'UPLOAD_CHECKSUM_MISMATCH' });
    expect(await offsetOf(path)).toBe(1000);
    expect((await patch(path, 1000, rest, checksum)).status).toBe(204);
    await completesWith(path, bytes);
  });

  test('of the whole file: what is stored is compared, and a wrong file leaves nothing', async () => {
    const path = await created({ sha256: 'ab'.repeat(32) });
    await patch(path, 0, bytes);
    const { failure, assetId } = await ends(path, UploadState.FAILED);
    expect(failure).toMatchObject({ reason: 'CHECKSUM_MISMATCH' });
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([]);
    const event = await waitUntil(() => kerkis.failed.find((each) => each.uploadId === idOf(path)));
    expect(event).toMatchObject({ assetId, failure: { reason: 'CHECKSUM_MISMATCH' } });
  });

  test('of the whole file, which two replicas received', async () => {
    await using replica = await kerkis.serve();
    const whole = createHash('sha256').update(bytes).digest('hex');
    for (const sha256 of [whole, 'cd'.repeat(32)]) {
      const path = await created({ sha256 });
      await patch(path, 0, bytes.subarray(0, partBytes + 7));
      const rest = bytes.subarray(partBytes + 7);
      const request = { method: 'PATCH', headers: patchHeaders(partBytes + 7), body: rest };
      expect((await send(at(path, replica.url), request)).status).toBe(204);
      if (sha256 === whole) await completesWith(path, bytes);
      else expect((await ends(path, UploadState.FAILED)).failure?.reason).toBe('CHECKSUM_MISMATCH');
    }
  });

  test('an empty file is no source', async () => {
    const path = await created({}, 0);
    expect((await ends(path, UploadState.FAILED)).failure?.reason).toBe('UPLOAD_EMPTY');
    await waitUntil(() => kerkis.failed.some((each) => each.uploadId === idOf(path)));
  });
});

test('parts that vanish from storage end the upload with the reason', async () => {
  const path = await created();
  await patch(path, 0, bytes.subarray(0, partBytes));
  for await (const { key, uploadId } of kerkis.objects.listMultiparts('sources/')) {
    if (key.endsWith(idOf(path))) await kerkis.objects.abortMultipart(key, uploadId);
  }
  const answer = await patch(path, partBytes, bytes.subarray(partBytes));
  expect(answer).toMatchObject({ status: 500, reason: 'SOURCE_LOST' });
  expect((await ends(path, UploadState.FAILED)).failure?.reason).toBe('SOURCE_LOST');
});

test('a body that nobody wants is cut off, and its sender still reads why', async () => {
  const path = await created();
  const headers = patchHeaders(7, { 'content-length': String(bytes.length) });
  const { outgoing, answer } = open(at(path), { method: 'PATCH', headers });
  outgoing.write(bytes.subarray(0, 1000));
  expect(await answer).toMatchObject({ status: 409, reason: 'UPLOAD_OFFSET_MISMATCH' });
  await once(outgoing, 'close');
});
