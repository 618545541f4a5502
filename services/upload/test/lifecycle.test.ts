import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { AssetState } from '@kerkis/contracts/catalog';
import { FailureSchema } from '@kerkis/contracts/media';
import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import { newId } from '@kerkis/ids';
import { tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leaseTaken } from '../src/domain/lease.ts';
import type { Session } from '../src/domain/session.ts';
import { assetKnown, failureDecided, sizeDeclared, wholeReceived } from '../src/domain/transitions.ts';
import { type Fixture, reasonOf, someBytes, startFixture } from './fixture.ts';
import { patchHeaders, send } from './raw-tus.ts';

const run = promisify(execFile);
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const config = 'upload: { partSizeBytes: 5MiB }';
let kerkis: Fixture;
beforeAll(async () => {
  kerkis = stack.use(await startFixture({ config }));
});

async function begun(fixture: Fixture, bytes: Buffer, sizeBytes = bytes.length + 10) {
  const { upload } = await fixture.uploads.createUpload({ sizeBytes: BigInt(sizeBytes) });
  const headers = patchHeaders(0);
  const url = `${fixture.url}${upload?.tusPath}`;
  const answer = await send(url, { method: 'PATCH', headers, body: bytes });
  return { uploadId: upload?.id ?? '', assetId: upload?.assetId ?? '', url, answer };
}

async function ends(fixture: Fixture, uploadId: string, state: UploadState) {
  return await waitUntil(async () => {
    const { upload } = await fixture.uploads.getUpload({ uploadId });
    return upload?.state === state && upload;
  });
}

describe('an upload that nobody goes on with', () => {
  test('expires: its parts are gone, and its asset is told', async () => {
    await using hasty = await startFixture({ config, pace: { ttlMs: 900 } });
    const { uploadId, assetId } = await begun(hasty, someBytes(6_000_000));
    expect(await hasty.stored(`sources/${assetId}/`)).toHaveLength(2);
    const { failure } = await ends(hasty, uploadId, UploadState.FAILED);
    expect(failure?.reason).toBe('UPLOAD_EXPIRED');
    expect(await hasty.stored()).toEqual([]);
    await waitUntil(() => hasty.failed.some((each) => each.uploadId === uploadId));
  });

  test('is ended by its client, once', async () => {
    const { uploadId, assetId } = await begun(kerkis, someBytes(6_000_000));
    const { upload } = await kerkis.uploads.cancelUpload({ uploadId });
    expect(upload).toMatchObject({ state: UploadState.FAILED, failure: { reason: 'UPLOAD_CANCELLED' } });
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([]);
    expect((await kerkis.uploads.cancelUpload({ uploadId })).upload).toEqual(upload);
  });
});

describe('a death in the middle', () => {
  // A process that dies leaves exactly what is in the record and in storage: both are put here as it would have left them.
  const change = (uploadId: string, wanted: (session: Session) => Session) =>
    kerkis.sessions.changeSession(uploadId, (session) => ({ session: wanted(session) }));
  const whole = (session: Session) =>
    wholeReceived(sizeDeclared(session, Number(session.upload.offsetBytes), new Date()), new Date());

  async function begunWithoutSize(bytes: Buffer) {
    const { upload } = await kerkis.uploads.createUpload({});
    const url = `${kerkis.url}${upload?.tusPath}`;
    await send(url, { method: 'PATCH', headers: patchHeaders(0), body: bytes });
    return { uploadId: upload?.id ?? '', assetId: upload?.assetId ?? '', url };
  }

  test('between the last byte and the verification', async () => {
    const { uploadId } = await begunWithoutSize(someBytes(5_500_000));
    await change(uploadId, whole);
    await ends(kerkis, uploadId, UploadState.COMPLETED);
    await waitUntil(() => kerkis.completed.some((each) => each.uploadId === uploadId));
  });

  test('between the assembly of the source and its checksum', async () => {
    const { uploadId, assetId } = await begunWithoutSize(someBytes(6 * 1024 * 1024));
    const { multipartId, parts } = await kerkis.sessions.getSession(uploadId);
    await kerkis.objects.completeMultipart(`sources/${assetId}/${uploadId}`, multipartId, parts);
    await change(uploadId, whole);
    await ends(kerkis, uploadId, UploadState.COMPLETED);
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([`sources/${assetId}/${uploadId}`]);
  });

  test('between the decision to fail and its end', async () => {
    const { uploadId, assetId, url } = await begunWithoutSize(someBytes(6_000_000));
    const failure = create(FailureSchema, { reason: 'UPLOAD_CANCELLED', message: 'Cancelled.' });
    await change(uploadId, (session) => failureDecided(session, failure, new Date()) ?? session);
    const headers = patchHeaders(6_000_000);
    expect((await send(url, { method: 'PATCH', headers, body: Buffer.from('x') })).status).toBe(410);
    await ends(kerkis, uploadId, UploadState.FAILED);
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([]);
  });

  test('before its asset was created', async () => {
    const { upload } = await kerkis.uploads.createUpload({ sizeBytes: 10n });
    const uploadId = upload?.id ?? '';
    await change(uploadId, (session) => assetKnown(session, '', '', new Date()));
    const { failure, assetId } = await ends(kerkis, uploadId, UploadState.FAILED);
    expect([failure?.reason, assetId]).toEqual(['UPLOAD_ABANDONED', upload?.assetId]);
  });

  test('between the end and a checksum that is still to be read', async () => {
    const bytes = someBytes(1000);
    const lost = await begun(kerkis, bytes, bytes.length);
    const kept = await begun(kerkis, bytes, bytes.length);
    const unread = (session: Session) => {
      const upload = { ...session.upload, sha256: '' };
      return { ...leaseTaken({ ...session, upload }, Date.now(), 100), settled: true };
    };
    for (const { uploadId } of [lost, kept]) {
      await ends(kerkis, uploadId, UploadState.COMPLETED);
      const asset = kerkis.catalog.assets.get(uploadId === lost.uploadId ? lost.assetId : kept.assetId);
      if (asset) asset.state = AssetState.SOURCE_READY;
      await waitUntil(async () => (await kerkis.sessions.getSession(uploadId)).settled);
    }
    await kerkis.objects.delete(`sources/${lost.assetId}/${lost.uploadId}`);
    for (const { uploadId } of [lost, kept]) await change(uploadId, unread);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await waitUntil(async () => (await kerkis.sessions.getSession(kept.uploadId)).upload.sha256 === sha256);
    const gone = await waitUntil(async () => {
      const session = await kerkis.sessions.getSession(lost.uploadId);
      return session.sourceGone && session;
    });
    expect([gone.upload.sha256, gone.lease]).toEqual(['', undefined]);
    expect(await kerkis.sessions.findDue(new Date(Date.now() + 60_000), 10)).not.toContainEqual(gone);
  });

  test('of the events: the end is told until the catalog heard it', async () => {
    const bytes = someBytes(1000);
    const { uploadId, assetId } = await begun(kerkis, bytes, bytes.length);
    await waitUntil(() => kerkis.completed.filter((each) => each.uploadId === uploadId).length >= 3);
    const asset = kerkis.catalog.assets.get(assetId);
    if (asset) asset.state = AssetState.SOURCE_READY;
    await waitUntil(async () => (await kerkis.sessions.getSession(uploadId)).settled);
  });

  test('of a stream', async () => {
    const streamed = await begunWithoutSize(someBytes(100));
    await change(streamed.uploadId, (session) => {
      const upload = { ...session.upload, method: UploadMethod.STREAM };
      return leaseTaken({ ...session, upload }, Date.now(), 100);
    });
    const { failure } = await ends(kerkis, streamed.uploadId, UploadState.FAILED);
    expect(failure?.reason).toBe('UPLOAD_INTERRUPTED');
    expect(await kerkis.stored(`sources/${streamed.assetId}/`)).toEqual([]);
  });

  test('after a multipart upload was begun and before it was noted', async () => {
    const strangers = `sources/${newId('ast')}/`;
    await kerkis.objects.createMultipart(`${strangers}${newId('upl')}`);
    // Another mesh on the same storage: to its record every upload here is a stranger.
    await using _other = await startFixture({ config, directory: kerkis.directory, pace: { sweepMs: 50 } });
    await waitUntil(async () => (await kerkis.stored(strangers)).length === 0);
  });
});

describe('the deletion of an asset', () => {
  test('takes sources and sessions, and is confirmed as often as it is asked', async () => {
    const bytes = someBytes(6_000_000);
    const done = await begun(kerkis, bytes, bytes.length);
    await ends(kerkis, done.uploadId, UploadState.COMPLETED);
    const open = await begun(kerkis, bytes);
    for (const { assetId, uploadId } of [done, open]) {
      await kerkis.requestDeletion(assetId);
      await waitUntil(() => kerkis.deleted.some((each) => each.assetId === assetId));
      expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([]);
      expect(await reasonOf(kerkis.uploads.getUpload({ uploadId }))).toBe('UPLOAD_NOT_FOUND');
    }
    await kerkis.requestDeletion(open.assetId);
    await waitUntil(() => kerkis.deleted.filter((each) => each.assetId === open.assetId).length === 2);
  });
});

describe('a full disk', () => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.warn('SKIPPED: a full disk needs root, to mount a small tmpfs.');

  test.skipIf(!isRoot)('ends the upload with 507, and its bytes do not stay', async () => {
    await using home = await tempDir('small-disk');
    const directory = join(home.path, 'objects');
    await run('mkdir', [directory]);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', directory]);
    try {
      await using small = await startFixture({ config, directory });
      const { answer, uploadId } = await begun(small, someBytes(16 * 1024 * 1024));
      expect(answer).toMatchObject({ status: 507, reason: 'STORAGE_FULL' });
      expect((await ends(small, uploadId, UploadState.FAILED)).failure?.reason).toBe('STORAGE_FULL');
      expect(await small.stored()).toEqual([]);
      const next = await begun(small, someBytes(1000), 1000);
      await ends(small, next.uploadId, UploadState.COMPLETED);

      async function* tooMuch() {
        yield { part: { case: 'start' as const, value: {} } };
        for (let index = 0; index < 16; index++) {
          yield { part: { case: 'chunk' as const, value: someBytes(1024 * 1024, index + 1) } };
        }
      }
      expect(await reasonOf(small.uploads.streamUpload(tooMuch()))).toBe('STORAGE_FULL');
      expect(await small.stored()).toEqual([`sources/${next.assetId}/${next.uploadId}`]);
      const { uploads } = await small.uploads.listUploads({ state: UploadState.FAILED });
      expect(uploads.map(({ method }) => method)).toEqual([UploadMethod.STREAM, UploadMethod.TUS]);
    } finally {
      await run('umount', ['--lazy', directory]);
    }
  });
});
