import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UploadMethod, UploadState } from '@kerkis/contracts/upload';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, reasonOf, someBytes, startFixture } from './fixture.ts';

const bytes = someBytes(6_000_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const seen: { path: string; headers: IncomingMessage['headers'] }[] = [];

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let kerkis: Fixture;
let origin: string;
/** The same server under another host. */
let elsewhere: string;

beforeAll(async () => {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
  elsewhere = `http://localhost:${port}`;
  const config = `
upload:
  maxSizeBytes: 8MiB
  partSizeBytes: 5MiB
  import: { allowPrivateAddresses: true, maxSizeBytes: 7MiB, maxRedirects: 2, timeoutSeconds: 2 }`;
  kerkis = stack.use(await startFixture({ config }));
});

function answer(req: IncomingMessage, res: ServerResponse): void {
  const path = req.url ?? '';
  seen.push({ path, headers: req.headers });
  const redirect = (location: string) => res.writeHead(302, { location }).end('moved');
  const length = { 'content-length': String(bytes.length) };
  if (path.startsWith('/film.mp4')) res.writeHead(200, { ...length, 'content-type': 'video/mp4' }).end(bytes);
  else if (path === '/chunked') res.writeHead(200).end(bytes);
  else if (path === '/named') {
    res
      .writeHead(200, { 'content-disposition': `attachment; filename*=UTF-8''%2e%2e%2F%C3%BCber.mov` })
      .end('x');
  } else if (path === '/elsewhere') redirect(`${elsewhere}/film.mp4`);
  else if (path === '/endless') redirect('/endless');
  else if (path === '/to-file') redirect('file:///etc/passwd');
  else if (path === '/to-nowhere') res.writeHead(302).end();
  else if (path === '/empty') res.writeHead(200, { 'content-length': '0' }).end();
  else if (path === '/huge') res.writeHead(200, { 'content-length': '99999999' }).write('x');
  else if (path === '/grows') {
    for (let index = 0; index < 8; index++) res.write(bytes.subarray(0, 1_000_000));
    res.end();
  } else if (path === '/squeezed') res.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  else if (path === '/breaks') {
    res.writeHead(200, length);
    res.write(bytes.subarray(0, 5_500_000), () => res.destroy());
  } else if (path === '/stalls') res.writeHead(200, length).write(bytes.subarray(0, 5_500_000));
  else res.writeHead(404).end('no such file');
}

async function imported(fixture: Fixture, url: string, spec = {}) {
  const { upload } = await fixture.uploads.createImport({ url, spec });
  return await waitUntil(async () => {
    const { upload: now } = await fixture.uploads.getUpload({ uploadId: upload?.id ?? '' });
    return now && now.state >= UploadState.COMPLETED && now;
  });
}

describe('an import', () => {
  test('fetches, verifies and names the file', async () => {
    const upload = await imported(kerkis, `${origin}/film.mp4?token=1#part`, { sha256 });
    expect(upload).toMatchObject({
      state: UploadState.COMPLETED,
      method: UploadMethod.IMPORT,
      sizeBytes: BigInt(bytes.length),
      sha256,
      fileName: 'film.mp4',
      contentType: 'video/mp4',
    });
    expect(kerkis.catalog.assets.get(upload.assetId)?.title).toBe('film.mp4');
    const { headers } = seen.find(({ path }) => path.startsWith('/film.mp4')) ?? {};
    expect(headers?.['accept-encoding']).toBe('identity');
    await waitUntil(() => kerkis.completed.some(({ uploadId }) => uploadId === upload.id));
    expect(await kerkis.stored(`sources/${upload.assetId}/`)).toEqual([
      `sources/${upload.assetId}/${upload.id}`,
    ]);
  });

  test('takes a body of unknown length, and the name that the server gives without its path', async () => {
    expect((await imported(kerkis, `${origin}/chunked`)).sha256).toBe(sha256);
    expect((await imported(kerkis, `${origin}/named`)).fileName).toBe('über.mov');
  });

  test('shows credentials to their own host only', async () => {
    const url = new URL(`${origin}/elsewhere`);
    url.username = 'ada';
    url.password = 's3cret';
    const upload = await imported(kerkis, url.href);
    expect(upload).toMatchObject({ state: UploadState.COMPLETED, sourceUrl: `${origin}/elsewhere` });
    const basic = `Basic ${Buffer.from('ada:s3cret').toString('base64')}`;
    expect(seen.findLast(({ path }) => path === '/elsewhere')?.headers.authorization).toBe(basic);
    expect(seen.findLast(({ path }) => path === '/film.mp4')?.headers).not.toHaveProperty('authorization');
  });

  test('the same request id fetches once', async () => {
    const request = { requestId: 'i-1', url: `${origin}/film.mp4?once` };
    const [first, second] = await Promise.all([
      kerkis.uploads.createImport(request),
      kerkis.uploads.createImport(request),
    ]);
    expect(second.upload?.id).toBe(first.upload?.id);
    await waitUntil(() => kerkis.completed.some(({ uploadId }) => uploadId === first.upload?.id));
    expect(seen.filter(({ path }) => path === '/film.mp4?once')).toHaveLength(1);
  });

  test.each([
    ['/missing', 'IMPORT_HTTP_STATUS'],
    ['/to-nowhere', 'IMPORT_HTTP_STATUS'],
    ['/endless', 'IMPORT_TOO_MANY_REDIRECTS'],
    ['/to-file', 'IMPORT_URL_INVALID'],
    ['/empty', 'UPLOAD_EMPTY'],
    ['/huge', 'UPLOAD_TOO_LARGE'],
    ['/grows', 'UPLOAD_TOO_LARGE'],
    ['/squeezed', 'IMPORT_ENCODED'],
    ['/breaks', 'IMPORT_UNREACHABLE'],
    ['/stalls', 'IMPORT_TIMEOUT'],
  ])('of %s fails with %s and keeps nothing', async (path, reason) => {
    const upload = await imported(kerkis, `${origin}${path}`);
    expect(upload.failure?.reason).toBe(reason);
    expect(await kerkis.stored(`sources/${upload.assetId}/`)).toEqual([]);
    await waitUntil(() => kerkis.failed.some(({ uploadId }) => uploadId === upload.id));
  });

  test('from a closed port', async () => {
    expect((await imported(kerkis, 'http://127.0.0.1:1/')).failure?.reason).toBe('IMPORT_UNREACHABLE');
  });

  test('goes on after a restart, from the first byte', async () => {
    const { upload } = await kerkis.uploads.createImport({ url: `${origin}/stalls` });
    const uploadId = upload?.id ?? '';
    const begins = () => seen.filter(({ path }) => path === '/stalls').length;
    const before = begins();
    await waitUntil(async () => (await kerkis.stored(`sources/${upload?.assetId}/`)).length > 0);
    await kerkis.restart();
    await waitUntil(() => begins() > before);
    const { upload: ended } = await waitUntil(async () => {
      const got = await kerkis.uploads.getUpload({ uploadId });
      return got.upload?.state === UploadState.FAILED && got;
    });
    expect(ended?.failure?.reason).toBe('IMPORT_TIMEOUT');
    expect(await kerkis.stored(`sources/${ended?.assetId}/`)).toEqual([]);
  });
});

describe('what may not be imported', () => {
  test.each(['ftp://example.com/a', 'file:///etc/passwd', 'data:text/plain,x', 'gopher://127.0.0.1/'])(
    '%s is refused at once',
    async (url) => {
      expect(await reasonOf(kerkis.uploads.createImport({ url }))).toBe('IMPORT_URL_INVALID');
    },
  );

  test('addresses that are not public, by name, by number, in any spelling', async () => {
    await using guarded = await startFixture();
    const { port } = new URL(origin);
    const before = seen.length;
    const hosts = [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f.1',
      '0.0.0.0',
      '[::1]',
      '[::]',
      '[::ffff:7f00:1]',
      '[::7f00:1]',
      '[fe80::1]',
      '[fd00::1]',
      '[64:ff9b::7f00:1]',
      '10.0.0.1',
      '100.64.0.1',
      '169.254.169.254',
      '172.16.0.1',
      '192.168.0.1',
    ];
    const uploads = await Promise.all(
      hosts.map((host) => imported(guarded, `http://${host}:${port}/film.mp4`)),
    );
    for (const [index, { failure }] of uploads.entries()) {
      expect([hosts[index], failure?.reason]).toEqual([hosts[index], 'IMPORT_ADDRESS_REFUSED']);
    }
    expect(seen.length).toBe(before);
    expect(await guarded.stored()).toEqual([]);
  });

  test('anything, where imports are switched off', async () => {
    await using closed = await startFixture({ config: 'upload: { import: { enabled: false } }' });
    const call = closed.uploads.createImport({ url: `${origin}/film.mp4` });
    expect(await reasonOf(call)).toBe('IMPORT_DISABLED');
  });
});
