import { UploadState } from '@kerkis/contracts/upload';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, someBytes, startFixture } from './fixture.ts';
import { metadataHeader, patchHeaders, type RawRequest, send } from './raw-tus.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let kerkis: Fixture;
let endpoint: string;
beforeAll(async () => {
  const config = `
upload: { maxSizeBytes: 20MiB, partSizeBytes: 5MiB }
server: { corsOrigins: ['https://studio.example.com'] }`;
  kerkis = stack.use(await startFixture({ config }));
  endpoint = `${kerkis.url}/upload/tus`;
});

const create = (headers: Record<string, string | undefined>, body?: Uint8Array) =>
  send(endpoint, { method: 'POST', headers, ...(body && { body }) });

async function created(headers: Record<string, string | undefined>): Promise<string> {
  const { status, headers: answered } = await create(headers);
  expect(status).toBe(201);
  return `${kerkis.url}${answered.location}`;
}

const patch = (url: string, offsetBytes: number, body: Uint8Array, more = {}) =>
  send(url, { method: 'PATCH', headers: patchHeaders(offsetBytes, more), body });

const idOf = (url: string) => url.split('/').at(-1) ?? '';

async function ends(url: string, state: UploadState) {
  return await waitUntil(async () => {
    const { upload } = await kerkis.uploads.getUpload({ uploadId: idOf(url) });
    return upload?.state === state && upload;
  });
}

describe('discovery', () => {
  test('tells version, extensions and limits, without a key or a version', async () => {
    const { status, headers } = await send(endpoint, {
      method: 'OPTIONS',
      headers: { 'tus-resumable': undefined },
    });
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'tus-version': '1.0.0',
      'tus-max-size': String(20 * 1024 * 1024),
      'tus-checksum-algorithm': 'sha1,sha256,md5',
    });
    expect(String(headers['tus-extension']).split(',')).toEqual(
      expect.arrayContaining(['creation', 'creation-with-upload', 'creation-defer-length', 'termination']),
    );
  });

  test('lets pages of the configured origins in, and no others', async () => {
    const preflight = (origin: string) => send(endpoint, { method: 'OPTIONS', headers: { origin } });
    const { headers } = await preflight('https://studio.example.com');
    expect(headers['access-control-allow-origin']).toBe('https://studio.example.com');
    expect(headers['access-control-allow-methods']).toContain('PATCH');
    expect(headers['access-control-allow-headers']).toContain('Upload-Offset');
    expect((await preflight('https://evil.example.com')).headers).not.toHaveProperty(
      'access-control-allow-origin',
    );
    const made = await create({ 'upload-length': '5', origin: 'https://studio.example.com' });
    expect(made.headers['access-control-expose-headers']).toContain('Kerkis-Asset-Id');
  });
});

describe('refusals', () => {
  test.each<[string, Record<string, string | undefined>, number, string]>([
    ['no version', { 'tus-resumable': undefined }, 412, 'TUS_VERSION_UNSUPPORTED'],
    ['another version', { 'tus-resumable': '0.2.2' }, 412, 'TUS_VERSION_UNSUPPORTED'],
    ['no length', {}, 400, 'TUS_HEADER_INVALID'],
    ['two lengths', { 'upload-length': '5', 'upload-defer-length': '1' }, 400, 'TUS_HEADER_INVALID'],
    ['a negative length', { 'upload-length': '-1' }, 400, 'TUS_HEADER_INVALID'],
    ['a length that is no number', { 'upload-length': '1e3' }, 400, 'TUS_HEADER_INVALID'],
    ['too large', { 'upload-length': String(20 * 1024 * 1024 + 1) }, 413, 'UPLOAD_TOO_LARGE'],
    ['concatenation', { 'upload-length': '5', 'upload-concat': 'partial' }, 400, 'TUS_EXTENSION_UNSUPPORTED'],
    ['bad base64', { 'upload-metadata': 'filename %%%' }, 400, 'UPLOAD_METADATA_INVALID'],
    ['bad UTF-8', { 'upload-metadata': 'filename /////w==' }, 400, 'UPLOAD_METADATA_INVALID'],
    ['a key twice', { 'upload-metadata': 'title YQ==,title YQ==' }, 400, 'UPLOAD_METADATA_INVALID'],
    ['a path', { 'upload-metadata': metadataHeader({ filename: '../../x' }) }, 400, 'FILE_NAME_INVALID'],
    ['a NUL', { 'upload-metadata': metadataHeader({ filename: 'a\0b' }) }, 400, 'FILE_NAME_INVALID'],
    ['a line break', { 'upload-metadata': metadataHeader({ title: 'a\nb' }) }, 400, 'METADATA_INVALID'],
    [
      'a long title',
      { 'upload-metadata': metadataHeader({ title: 'x'.repeat(513) }) },
      400,
      'UPLOAD_METADATA_INVALID',
    ],
    [
      'a policy',
      { 'upload-metadata': metadataHeader({ playbackPolicy: 'all' }) },
      400,
      'UPLOAD_METADATA_INVALID',
    ],
    ['a checksum', { 'upload-metadata': metadataHeader({ sha256: 'abc' }) }, 400, 'UPLOAD_METADATA_INVALID'],
    [
      'a profile',
      { 'upload-metadata': metadataHeader({ profile: 'no-such-profile' }) },
      400,
      'PROFILE_NOT_FOUND',
    ],
  ])('POST with %s', async (_what, headers, status, reason) => {
    const before = (await kerkis.uploads.listUploads({ pageSize: 200 })).uploads.length;
    const isLength = 'upload-metadata' in headers || 'tus-resumable' in headers;
    const answer = await create({ ...(isLength && { 'upload-length': '5' }), ...headers });
    expect(answer).toMatchObject({ status, reason });
    expect(answer.headers['tus-resumable']).toBe('1.0.0');
    expect((await kerkis.uploads.listUploads({ pageSize: 200 })).uploads.length).toBe(before);
  });

  test.each<[string, RawRequest, number, string]>([
    ['no content type', { method: 'PATCH', headers: { 'upload-offset': '0' } }, 415, 'TUS_CONTENT_TYPE'],
    [
      'no offset',
      { method: 'PATCH', headers: patchHeaders(0, { 'upload-offset': undefined }) },
      400,
      'TUS_HEADER_INVALID',
    ],
    ['a wrong offset', { method: 'PATCH', headers: patchHeaders(3) }, 409, 'UPLOAD_OFFSET_MISMATCH'],
    [
      'too many bytes',
      { method: 'PATCH', headers: patchHeaders(0), body: Buffer.alloc(6) },
      413,
      'UPLOAD_TOO_LARGE',
    ],
    [
      'too many bytes in chunks',
      {
        method: 'PATCH',
        headers: patchHeaders(0, { 'transfer-encoding': 'chunked' }),
        body: Buffer.alloc(6),
      },
      413,
      'UPLOAD_TOO_LARGE',
    ],
    [
      'another length',
      { method: 'PATCH', headers: patchHeaders(0, { 'upload-length': '9' }) },
      400,
      'UPLOAD_LENGTH_INVALID',
    ],
    [
      'an unknown checksum',
      { method: 'PATCH', headers: patchHeaders(0, { 'upload-checksum': 'crc32 AAAA' }) },
      400,
      'CHECKSUM_ALGORITHM_UNSUPPORTED',
    ],
    ['GET', { method: 'GET' }, 405, 'METHOD_NOT_ALLOWED'],
  ])('on an upload: %s', async (_what, wanted, status, reason) => {
    const url = await created({ 'upload-length': '5' });
    expect(await send(url, wanted)).toMatchObject({ status, reason });
    const head = await send(url, { method: 'HEAD' });
    expect(head.headers['upload-offset']).toBe('0');
  });

  test('what is not there, and what is over', async () => {
    for (const path of ['/upl_123', `/upl_${'0'.repeat(32)}`, '/../../etc/passwd', '/%2e%2e']) {
      expect((await send(`${endpoint}${path}`, { method: 'HEAD' })).status).toBe(404);
    }
    const url = await created({ 'upload-length': '5' });
    await patch(url, 0, Buffer.from('ab'));
    expect((await send(url, { method: 'DELETE' })).status).toBe(204);
    expect(await send(url, { method: 'HEAD' })).toMatchObject({ status: 410 });
    expect(await patch(url, 2, Buffer.from('cde'))).toMatchObject({ status: 410, reason: 'UPLOAD_GONE' });
    const { failure, assetId } = await ends(url, UploadState.FAILED);
    expect(failure?.reason).toBe('UPLOAD_CANCELLED');
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([]);
    await waitUntil(() => kerkis.failed.some(({ uploadId }) => uploadId === idOf(url)));
  });

  test('a complete upload is neither extended nor cancelled', async () => {
    const url = await created({ 'upload-length': '5' });
    expect((await patch(url, 0, Buffer.from('abcde'))).status).toBe(204);
    await ends(url, UploadState.COMPLETED);
    expect(await patch(url, 5, Buffer.from('f'))).toMatchObject({ status: 409 });
    expect(await send(url, { method: 'DELETE' })).toMatchObject({ status: 409, reason: 'UPLOAD_COMPLETED' });
    const { headers } = await send(url, { method: 'HEAD' });
    expect(headers).toMatchObject({
      'upload-offset': '5',
      'upload-length': '5',
      'cache-control': 'no-store',
    });
  });

  test('only holders of a key with the scope get in', async () => {
    const { createHash } = await import('node:crypto');
    const sha256 = (key: string) => createHash('sha256').update(key).digest('hex');
    const config = `
auth:
  mode: keys
  meshToken: 0123456789abcdef
  keys:
    - { name: writer, sha256: ${sha256('w-key')}, scopes: ['upload:write'] }
    - { name: reader, sha256: ${sha256('r-key')}, scopes: ['*:read'] }`;
    await using guarded = await startFixture({ config });
    const attempt = (authorization?: string) =>
      send(`${guarded.url}/upload/tus`, {
        method: 'POST',
        headers: { 'upload-length': '5', authorization },
      });
    expect(await attempt()).toMatchObject({ status: 401, reason: 'API_KEY_MISSING' });
    expect(await attempt('Bearer nonsense')).toMatchObject({ status: 401, reason: 'API_KEY_INVALID' });
    expect(await attempt('Bearer r-key')).toMatchObject({ status: 403, reason: 'SCOPE_MISSING' });
    expect((await attempt('Bearer w-key')).status).toBe(201);
  });
});

describe('ways to send', () => {
  test('with the creation, and metadata comes back as it was given', async () => {
    const metadata = metadataHeader({ filename: 'ü 🎬.mov', playbackPolicy: 'signed', unknown: 'x' });
    const made = await create(
      {
        'upload-length': '5',
        'upload-metadata': metadata,
        'content-type': 'application/offset+octet-stream',
      },
      Buffer.from('abc'),
    );
    expect(made).toMatchObject({ status: 201, headers: { 'upload-offset': '3' } });
    expect(made.headers['kerkis-asset-id']).toMatch(/^ast_/);
    expect(made.headers['kerkis-playback-id']).toMatch(/^pbk_/);
    const url = `${kerkis.url}${made.headers.location}`;
    const head = await send(url, { method: 'HEAD' });
    expect(head.headers).toMatchObject({ 'upload-metadata': metadata, 'upload-offset': '3' });
    expect(new Date(head.headers['upload-expires'] as string).getTime()).toBeGreaterThan(Date.now());
    expect((await patch(url, 3, Buffer.from('de'))).status).toBe(204);
    expect((await ends(url, UploadState.COMPLETED)).fileName).toBe('ü 🎬.mov');
  });

  test('without knowing the length, and by the method override', async () => {
    const url = await created({ 'upload-defer-length': '1' });
    expect((await patch(url, 0, Buffer.from('abc'))).headers['upload-defer-length']).toBe('1');
    const headers = patchHeaders(3, { 'upload-length': '5', 'x-http-method-override': 'PATCH' });
    const last = await send(url, { method: 'POST', headers, body: Buffer.from('de') });
    expect(last).toMatchObject({ status: 204, headers: { 'upload-length': '5' } });
    await ends(url, UploadState.COMPLETED);
  });

  test('the same idempotency key gives the same upload', async () => {
    const headers = { 'upload-length': '5', 'idempotency-key': 'k-1' };
    expect(await created(headers)).toBe(await created(headers));
  });

  test('in many small pieces', async () => {
    const bytes = someBytes(5_600_000);
    const url = await created({ 'upload-length': String(bytes.length) });
    const step = 140_000;
    for (let offset = 0; offset < bytes.length; offset += step) {
      const { status } = await patch(url, offset, bytes.subarray(offset, offset + step));
      expect(status).toBe(204);
    }
    const { assetId } = await ends(url, UploadState.COMPLETED);
    const key = `sources/${assetId}/${idOf(url)}`;
    const stored = await kerkis.objects.getBytes(key, { maxBytes: bytes.length });
    expect(bytes.equals(stored)).toBe(true);
    expect(await kerkis.stored(`sources/${assetId}/`)).toEqual([key]);
  });
});
