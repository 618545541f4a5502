import { createHash } from 'node:crypto';
import { PlaybackPolicy } from '@kerkis/contracts/catalog';
import { type StreamUploadRequest, UploadMethod, UploadState } from '@kerkis/contracts/upload';
import { newId } from '@kerkis/ids';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, reasonOf, someBytes, startFixture } from './fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let kerkis: Fixture;
beforeAll(async () => {
  kerkis = stack.use(await startFixture({ config: 'upload: { maxSizeBytes: 20MiB, partSizeBytes: 5MiB }' }));
});

type Part = StreamUploadRequest['part'] extends infer P ? P : never;
type Start = Extract<Part, { case: 'start' }>['value'];

async function* stream(
  start: Partial<Omit<Start, '$typeName'>> | undefined,
  bytes: Uint8Array,
  step = 1_000_000,
) {
  if (start) yield { part: { case: 'start' as const, value: start } };
  for (let offset = 0; offset < bytes.length; offset += step) {
    yield { part: { case: 'chunk' as const, value: bytes.subarray(offset, offset + step) } };
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const spec = (init: Partial<Start['spec']> = {}) => ({ spec: init }) as Partial<Start>;

describe('StreamUpload', () => {
  test.each([1, 5 * 1024 * 1024, 11_111_111])('stores and verifies %i bytes', async (sizeBytes) => {
    const bytes = someBytes(sizeBytes);
    const wanted = { sha256: sha256(bytes), fileName: 'a.wav' };
    const { upload } = await kerkis.uploads.streamUpload(stream(spec(wanted), bytes));
    expect(upload).toMatchObject({
      state: UploadState.COMPLETED,
      method: UploadMethod.STREAM,
      sizeBytes: BigInt(sizeBytes),
      sha256: wanted.sha256,
    });
    expect(await kerkis.stored(`sources/${upload?.assetId}/`)).toEqual([
      `sources/${upload?.assetId}/${upload?.id}`,
    ]);
    await waitUntil(() => kerkis.completed.some(({ uploadId }) => uploadId === upload?.id));
  });

  const bytes = someBytes(6_000_000);
  test.each<[string, () => AsyncIterable<never>, string]>([
    ['no start', () => stream(undefined, bytes) as never, 'STREAM_START_MISSING'],
    ['nothing at all', () => stream(undefined, Buffer.alloc(0)) as never, 'STREAM_START_MISSING'],
    ['no bytes', () => stream({}, Buffer.alloc(0)) as never, 'UPLOAD_EMPTY'],
    ['too few bytes', () => stream({ sizeBytes: 6_000_001n }, bytes) as never, 'SIZE_MISMATCH'],
    ['too many bytes', () => stream({ sizeBytes: 5_999_999n }, bytes) as never, 'UPLOAD_TOO_LARGE'],
    ['more than may be', () => stream({}, someBytes(21 * 1024 * 1024)) as never, 'UPLOAD_TOO_LARGE'],
    [
      'a wrong checksum',
      () => stream(spec({ sha256: 'ab'.repeat(32) }), bytes) as never,
      'CHECKSUM_MISMATCH',
    ],
    ['a path as name', () => stream(spec({ fileName: '../../x' }), bytes) as never, 'FILE_NAME_INVALID'],
    [
      'an unknown profile',
      () => stream(spec({ profile: 'no-such-profile' }), bytes) as never,
      'PROFILE_NOT_FOUND',
    ],
    ['start twice', () => twice() as never, 'STREAM_START_MISSING'],
  ])('refuses %s and keeps nothing', async (_what, messages, reason) => {
    const before = await kerkis.stored();
    expect(await reasonOf(kerkis.uploads.streamUpload(messages()))).toBe(reason);
    await waitUntil(async () => (await kerkis.stored()).length === before.length);
  });

  async function* twice() {
    yield* stream({}, bytes);
    yield* stream({}, bytes);
  }

  test('a caller that hangs up ends the upload', async () => {
    const hangUp = new AbortController();
    async function* endless() {
      yield* stream(spec({ title: 'endless' }), bytes);
      await waitUntil(async () => (await kerkis.stored()).some((key) => key.startsWith('[')));
      hangUp.abort();
    }
    await expect(kerkis.uploads.streamUpload(endless(), { signal: hangUp.signal })).rejects.toThrow();
    const upload = await waitUntil(async () => {
      const { uploads } = await kerkis.uploads.listUploads({ state: UploadState.FAILED });
      return uploads.find(({ failure }) => failure?.reason === 'UPLOAD_INTERRUPTED');
    });
    expect(await kerkis.stored(`sources/${upload.assetId}/`)).toEqual([]);
  });
});

describe('sessions', () => {
  test('the same request id gives the same one', async () => {
    const first = await kerkis.uploads.createUpload({ requestId: 'r-1', sizeBytes: 5n });
    const second = await kerkis.uploads.createUpload({ requestId: 'r-1', sizeBytes: 5n });
    expect(second.upload).toEqual(first.upload);
    expect(first.upload?.tusPath).toBe(`/upload/tus/${first.upload?.id}`);
  });

  test('the asset gets what is known about the file', async () => {
    const { upload } = await kerkis.uploads.createUpload({
      spec: {
        fileName: 'film.mkv',
        metadata: { owner: 'Ada' },
        profile: 'fast',
        playbackPolicy: PlaybackPolicy.SIGNED,
      },
    });
    const asset = kerkis.catalog.assets.get(upload?.assetId ?? '');
    expect(asset).toMatchObject({ title: 'film.mkv', metadata: { owner: 'Ada' }, profile: 'fast' });
    expect(asset?.playbackIds[0]).toMatchObject({ id: upload?.playbackId, policy: PlaybackPolicy.SIGNED });
    expect(upload).toMatchObject({ sizeBytes: -1n, state: UploadState.RECEIVING });
  });

  test('are listed by state, newest first, page by page', async () => {
    const made: string[] = [];
    for (let index = 0; index < 3; index++) {
      made.unshift((await kerkis.uploads.createUpload({ sizeBytes: 5n })).upload?.id ?? '');
    }
    const state = UploadState.RECEIVING;
    const first = await kerkis.uploads.listUploads({ state, pageSize: 2 });
    const second = await kerkis.uploads.listUploads({ state, pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.uploads, ...second.uploads].slice(0, 3).map(({ id }) => id)).toEqual(made);
    const { uploads } = await kerkis.uploads.listUploads({ state: UploadState.VERIFYING });
    expect(uploads).toEqual([]);
  });

  test('refusals say why', async () => {
    const { uploads } = kerkis;
    const uploadId = newId('upl');
    const tooLarge = uploads.createUpload({ sizeBytes: BigInt(20 * 1024 * 1024 + 1) });
    expect(await reasonOf(tooLarge)).toBe('UPLOAD_TOO_LARGE');
    const presigned = uploads.createUpload({ method: UploadMethod.PRESIGNED, sizeBytes: 5n });
    expect(await reasonOf(presigned)).toBe('PRESIGN_UNSUPPORTED');
    const profile = uploads.createUpload({ spec: { profile: 'no-such-profile' } });
    expect(await reasonOf(profile)).toBe('PROFILE_NOT_FOUND');
    expect(await reasonOf(uploads.getUpload({ uploadId }))).toBe('UPLOAD_NOT_FOUND');
    expect(await reasonOf(uploads.cancelUpload({ uploadId }))).toBe('UPLOAD_NOT_FOUND');
    expect(await reasonOf(uploads.signParts({ uploadId, partNumbers: [1] }))).toBe('UPLOAD_NOT_FOUND');
    const { upload } = await uploads.createUpload({ sizeBytes: 5n });
    const wrongWay = uploads.signParts({ uploadId: upload?.id ?? '', partNumbers: [1] });
    expect(await reasonOf(wrongWay)).toBe('UPLOAD_NOT_PRESIGNED');
  });

  test('an empty file fails at once', async () => {
    const { upload } = await kerkis.uploads.createUpload({ sizeBytes: 0n });
    expect(upload).toMatchObject({ state: UploadState.FAILED, failure: { reason: 'UPLOAD_EMPTY' } });
  });

  test('a complete one cannot be cancelled', async () => {
    const { upload } = await kerkis.uploads.streamUpload(stream({}, someBytes(10)));
    const cancel = kerkis.uploads.cancelUpload({ uploadId: upload?.id ?? '' });
    expect(await reasonOf(cancel)).toBe('UPLOAD_COMPLETED');
  });
});
