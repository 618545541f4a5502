import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AssetState } from '@kerkis/contracts/catalog';
import { makeMedia, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli, uploadFile } from './harness/cli.ts';
import { type EmbeddedMesh, startEmbedded } from './harness/embedded.ts';
import { filesBelow } from './harness/files-below.ts';
import { tellOnFailure } from './harness/tell-on-failure.ts';
import { createTus, patchTus } from './harness/tus.ts';

const maxSizeBytes = 1024 * 1024;
const resources = new AsyncDisposableStack();
let mesh: EmbeddedMesh;
let directory: string;
let clip: string;

beforeAll(async () => {
  directory = resources.use(await tempDir('bad-input')).path;
  clip = await makeMedia('e2e-tiny', { seconds: 1, video: { width: 256, height: 144 } });
  const settings = { KERKIS_UPLOAD_MAX_SIZE_BYTES: `${maxSizeBytes}`, KERKIS_DEFAULT_PROFILE: 'small' };
  mesh = resources.use(await startEmbedded({ settings }));
});

afterAll(() => resources.disposeAsync());

tellOnFailure(() => mesh);

/** Waits until nothing is stored but verified masters, which stay until their asset is deleted, and the media of READY assets. */
async function expectNothingLeft(of: EmbeddedMesh = mesh): Promise<void> {
  const { assets } = await of.clients.assets.listAssets({ pageSize: 200 });
  const masters = assets.map(({ source }) => source?.objectKey);
  const ready = assets.filter(({ state }) => state === AssetState.READY).map(({ id }) => `media/${id}/`);
  const strays = async () => {
    const keys = [...(await of.objectKeys())];
    for (const scratch of of.scratchDirectories) keys.push(...(await filesBelow(scratch)));
    return keys.filter((key) => !masters.includes(key) && !ready.some((prefix) => key.startsWith(prefix)));
  };
  await waitUntil(async () => (await strays()).length === 0, {
    what: `nothing to be left of ${await strays()}`,
    intervalMs: 100,
  });
}

async function expectFailure(file: string, reason: RegExp, of: EmbeddedMesh = mesh): Promise<void> {
  const { exitCode, events, stderr } = await runCli(of.url, ['upload', file, '--wait', 'ready']);
  expect(exitCode, stderr).toBe(1);
  expect(stderr).toMatch(reason);
  expect(events.at(-1)).toMatchObject({
    event: 'failed',
    reason: expect.stringMatching(reason),
    message: expect.stringMatching(/\w+ \w+/),
  });
  await expectNothingLeft(of);
}

test('a field that does not exist is named', async () => {
  const response = await fetch(`${mesh.url}/kerkis.upload.v1.UploadService/CreateUpload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ spec: { fileName: 'a.mp4', colour: 'red' } }),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('colour'),
  });
});

describe('uploads that break the rules of tus', () => {
  const metadata = { filename: 'clip.mp4' };

  test('one that is too large is refused before its bytes', async () => {
    const answer = await createTus(mesh.url, maxSizeBytes + 1, metadata);
    expect(answer).toMatchObject({ status: 413, error: { reason: 'UPLOAD_TOO_LARGE' } });
    const file = join(directory, 'large.mp4');
    await writeFile(file, Buffer.alloc(maxSizeBytes + 1));
    await expectFailure(file, /UPLOAD_TOO_LARGE/);
  });

  test('more bytes than were declared, a wrong offset, a wrong checksum; then the right ones', async () => {
    const bytes = new Uint8Array(await readFile(clip));
    const { status, location } = await createTus(mesh.url, bytes.length, metadata);
    expect(status).toBe(201);
    const tooMany = await patchTus(location, 0, new Uint8Array(bytes.length + 1));
    expect(tooMany).toMatchObject({ status: 413, error: { reason: 'UPLOAD_TOO_LARGE' } });
    expect(await patchTus(location, 7, bytes.slice(7))).toMatchObject({
      status: 409,
      error: { reason: 'UPLOAD_OFFSET_MISMATCH', message: expect.stringContaining('byte 0') },
    });
    const checksum = `sha1 ${Buffer.alloc(20).toString('base64')}`;
    expect(await patchTus(location, 0, bytes, { 'upload-checksum': checksum })).toMatchObject({
      status: 460,
      error: { reason: 'UPLOAD_CHECKSUM_MISMATCH' },
    });
    expect((await patchTus(location, 0, bytes)).status).toBe(204);
    const uploadId = location.split('/').at(-1) ?? '';
    const { upload } = await mesh.clients.uploads.getUpload({ uploadId });
    await ready(upload?.assetId ?? '');
  });
});

async function ready(assetId: string, of: EmbeddedMesh = mesh): Promise<void> {
  await waitUntil(async () => (await of.clients.asset(assetId)).state === AssetState.READY, {
    what: 'READY',
    timeoutMs: 60_000,
  });
}

test('a name that is a path or holds control characters is refused, every other one is kept', async () => {
  for (const filename of [
    '../../etc/passwd',
    '/etc/passwd',
    'C:\\autoexec.bat',
    '..',
    'two\nlines.mp4',
    'nul\0.mp4',
  ]) {
    const { status, error } = await createTus(mesh.url, 1, { filename });
    expect([status, error.reason], filename).toEqual([400, 'FILE_NAME_INVALID']);
  }
  const tooLong = await createTus(mesh.url, 1, { filename: 'x'.repeat(1025) });
  expect([tooLong.status, tooLong.error.reason]).toEqual([400, 'FILE_NAME_INVALID']);

  const bytes = new Uint8Array(await readFile(clip));
  const names = ['🎬 Κερκίς.mp4', 'x'.repeat(1000), `"'$(id)\`;.mp4`, '-i', '%2e%2e', '<b>&amp;.mp4'];
  const uploads = await Promise.all(
    names.map(async (filename) => {
      const { status, location, error } = await createTus(mesh.url, bytes.length, { filename });
      expect(status, `${filename}: ${error.message}`).toBe(201);
      expect((await patchTus(location, 0, bytes)).status).toBe(204);
      return location.split('/').at(-1) ?? '';
    }),
  );
  for (const [index, uploadId] of uploads.entries()) {
    const { upload } = await mesh.clients.uploads.getUpload({ uploadId });
    await ready(upload?.assetId ?? '');
    const asset = await mesh.clients.asset(upload?.assetId ?? '');
    expect(asset.source?.fileName).toBe(names[index]);
  }
  for (const name of ['🎬 "quoted" $(id).mp4', '--help', '%d.mp4']) {
    const file = join(directory, name);
    await copyFile(clip, file);
    const { assetId } = await uploadFile(mesh.url, file);
    expect((await mesh.clients.asset(assetId)).source?.fileName).toBe(name);
  }
  const keys = await mesh.objectKeys();
  expect(keys.filter((key) => !/^(sources|media)\/ast_[0-9a-f]{32}\/[\w./-]+$/.test(key))).toEqual([]);
  await expectNothingLeft();
});

test('what is no media fails with a reason', async () => {
  const file = (name: string) => join(directory, name);
  await writeFile(file('text.mp4'), 'These are only words.\n'.repeat(500));
  await expectFailure(file('text.mp4'), /SOURCE_NOT_MEDIA/);
  await writeFile(file('empty.mp4'), '');
  await expectFailure(file('empty.mp4'), /FILE_EMPTY/);
  await mkdir(file('folder.mp4'));
  await expectFailure(file('folder.mp4'), /FILE_IS_DIRECTORY/);
  await expectFailure(file('absent.mp4'), /FILE_NOT_FOUND/);
  const whole = await readFile(clip);
  await writeFile(file('cut.mp4'), whole.subarray(0, whole.length / 3));
  await expectFailure(file('cut.mp4'), /SOURCE_[A-Z_]+/);
  const { status, location } = await createTus(mesh.url, 0, { filename: 'empty.mp4' });
  expect(status).toBe(201);
  const { upload } = await mesh.clients.uploads.getUpload({ uploadId: location.split('/').at(-1) ?? '' });
  const assetId = upload?.assetId ?? '';
  await waitUntil(async () => (await mesh.clients.asset(assetId)).state === AssetState.FAILED);
  expect((await mesh.clients.asset(assetId)).failure?.reason).toMatch(/EMPTY/);
});

test('a file that names other files or addresses reads neither', async () => {
  const { assetId } = await uploadFile(mesh.url, clip);
  const secret = join(
    mesh.dataDirectory,
    'objects',
    (await mesh.clients.asset(assetId)).source?.objectKey ?? '',
  );
  expect((await readFile(secret)).length).toBeGreaterThan(0);
  const pipe = join(directory, 'pipe.ts');
  await promisify(execFile)('mkfifo', [pipe]);
  let calls = 0;
  const listener = createServer((_, response) => {
    calls++;
    response.end();
  }).listen(0, '127.0.0.1');
  const address = () => `http://127.0.0.1:${(listener.address() as AddressInfo).port}/secret.ts`;
  await waitUntil(() => listener.listening);
  const playlist = (segment: string) =>
    `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${segment}\n#EXT-X-ENDLIST\n`;
  const hostile = {
    'other.mp4': playlist(secret),
    'pipe.mp4': playlist(pipe),
    'web.mp4': playlist(address()),
    'nested.mp4': `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${address()}\n`,
    'concat.mp4': `ffconcat version 1.0\nfile '${pipe}'\n`,
    'session.mp4': `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
  };
  const watching = new AbortController();
  const watched = someoneReads(pipe, watching.signal);
  watched.catch(() => {});
  for (const [name, text] of Object.entries(hostile)) {
    await writeFile(join(directory, name), text);
    await expectFailure(join(directory, name), /SOURCE_NOT_MEDIA|SOURCE_CONTAINER_REFUSED/);
  }
  watching.abort();
  expect(await watched).toBe(false);
  expect(calls).toBe(0);
  listener.close();
});

/** A pipe can be opened for writing without waiting only while somebody has it open for reading. */
async function someoneReads(pipe: string, until: AbortSignal): Promise<boolean> {
  while (!until.aborted) {
    try {
      await using _file = await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      return true;
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENXIO');
    }
    await sleep(5);
  }
  return false;
}

test('the edge gives nothing but what is published', async () => {
  const { playbackId } = await uploadFile(mesh.url, clip);
  const up = '../'.repeat(12);
  const paths = [
    `/v/${playbackId}/${up}etc/passwd`,
    `/v/${playbackId}/${encodeURIComponent(`${up}etc/passwd`)}`,
    `/v/${playbackId}/video/h264-144p/${up}etc/passwd`,
    `/v/${playbackId}/video/h264-144p/..%2f..%2f..%2f..%2fkerkis.db`,
    `/v/${playbackId}/video/h264-144p/%2e%2e/%2e%2e/%2e%2e/kerkis.db`,
    `/v/${playbackId}/video/h264-144p/1.m4s%00.txt`,
    `/v/${playbackId}/video/h264-144p/0.m4s`,
    `/v/${playbackId}/video/h264-144p/999999999999999999999.m4s`,
    `/v/..%2f..%2fetc/passwd`,
    `/play/assets/${up}package.json`,
    '/play/assets/..%2f..%2fpage.ts',
    '/play/%3Cscript%3Ealert(1)%3C%2Fscript%3E',
  ];
  for (const path of paths) {
    const { status, body } = await rawGet(path);
    expect(status, path).toBeGreaterThanOrEqual(400);
    expect(status, path).toBeLessThan(500);
    expect(body, path).not.toMatch(/root:|SQLite|"private"|<script>alert/);
  }
  expect((await rawGet(`/v/${playbackId}/video/h264-144p/1.m4s`)).status).toBe(200);
});

/** Unlike fetch it sends the path as it is. */
function rawGet(path: string): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const { hostname, port } = new URL(mesh.url);
  request({ hostname, port, path }, async (response) => {
    const body = Buffer.concat(await Array.fromAsync(response)).toString('latin1');
    resolve({ status: response.statusCode ?? 0, body });
  })
    .once('error', reject)
    .end();
  return promise;
}

/** Mounts a small file system that goes with the stack, or says why it cannot. */
async function smallDisk(
  stack: AsyncDisposableStack,
  name: string,
  size: string,
): Promise<string | undefined> {
  const disk = join(directory, name);
  await mkdir(disk);
  const run = promisify(execFile);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'kerkis-test', disk]);
  } catch (error) {
    console.warn(`SKIPPED: a full disk; a small file system cannot be mounted here. ${error}`);
    return undefined;
  }
  stack.defer(async () => void (await run('umount', [disk])));
  return join(disk, 'data');
}

test('a disk that an upload fills is told, cleaned up, and survived', async (context) => {
  await using stack = new AsyncDisposableStack();
  const dataDirectory = await smallDisk(stack, 'upload', '48m');
  if (!dataDirectory) return context.skip();
  const settings = { KERKIS_DEFAULT_PROFILE: 'small' } as const;
  const small = stack.use(await startEmbedded({ settings, dataDirectory }));
  const large = join(directory, 'too-large-for-the-disk.mp4');
  await writeFile(large, Buffer.alloc(64 * 1024 * 1024, 'kerkis'));
  await expectFailure(large, /STORAGE_FULL/, small);
  const failed = (await small.clients.assets.listAssets({})).assets;
  expect(failed).toMatchObject([{ state: AssetState.FAILED, failure: { reason: 'STORAGE_FULL' } }]);
  const { state } = await uploadFile(small.url, clip);
  expect(state).toBe('READY');
});

test('a disk that an encode fills is told, cleaned up, and survived', async (context) => {
  await using stack = new AsyncDisposableStack();
  const dataDirectory = await smallDisk(stack, 'encode', '32m');
  if (!dataDirectory) return context.skip();
  // Almost nothing is lost, so that far more comes out than went in.
  const huge = {
    renditions: [{ shortSide: 720, crf: 1, maxBitrateBps: 200_000_000, remux: false }],
    preset: 'ultrafast',
  };
  const profiles = { huge, small: { renditions: [{ shortSide: 144, crf: 32 }], preset: 'ultrafast' } };
  const settings = { KERKIS_PROFILES: JSON.stringify(profiles), KERKIS_DEFAULT_PROFILE: 'huge' } as const;
  const small = stack.use(await startEmbedded({ settings, dataDirectory }));
  const video = { width: 1280, height: 720 };
  const outputOptions = ['-vf', 'noise=alls=40:allf=t', '-crf', '42'];
  const film = await makeMedia('e2e-noise', { seconds: 6, video, outputOptions });
  await expectFailure(film, /STORAGE_FULL/, small);
  const { state } = await uploadFile(small.url, clip, ['--profile', 'small']);
  expect(state).toBe('READY');
});
