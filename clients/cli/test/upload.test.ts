import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeMedia, type TempDir, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  descendants,
  environment,
  kerkis,
  type Mesh,
  main,
  outcomeOf,
  startKerkis,
  startMesh,
  untilGone,
} from './kerkis.ts';
import { openShakyLine } from './shaky-line.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let mesh: Mesh;
let data: TempDir;
let files: TempDir;
let clip: string;

beforeAll(async () => {
  data = stack.use(await tempDir());
  files = stack.use(await tempDir());
  mesh = stack.use(await startMesh(data.path));
  clip = await makeMedia('cli-clip', { seconds: 3 });
});

const at = (...args: string[]) => kerkis(...args, '--server', mesh.url);
const last = (events: readonly Record<string, unknown>[]) => events.at(-1) ?? {};

test('a file becomes ready, told as JSON all along', async () => {
  const args = [
    '--wait',
    'ready',
    '--profile',
    'fast',
    '--title',
    'Der Film',
    '--meta',
    'course=a=b',
    '--meta',
    'year=2026',
  ];
  const { code, stderr, events } = await at('upload', clip, '--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const told = events();
  const playbackId = String(last(told).playbackId);
  expect(last(told)).toEqual({
    event: 'done',
    assetId: expect.stringMatching(/^ast_[0-9a-f]{32}$/),
    playbackId: expect.stringMatching(/^pbk_[0-9a-f]{32}$/),
    state: 'READY',
    playbackUrl: `${mesh.url}/v/${playbackId}/master.m3u8`,
  });
  const totalBytes = (await readFile(clip)).length;
  expect(told).toContainEqual({ event: 'upload', bytes: totalBytes, totalBytes });
  expect(told.filter(({ event }) => event === 'state').at(-1)).toMatchObject({ state: 'READY' });
  for (const { event, tracks } of told.filter(({ event }) => event === 'progress')) {
    expect({ event, tracks }).toMatchObject({
      tracks: expect.arrayContaining([
        {
          track: expect.any(String),
          segmentCount: 1,
          finishedSegmentCount: expect.any(Number),
          speed: expect.any(Number),
        },
      ]),
    });
  }
  const counts = told.flatMap(({ progress }) => (progress === undefined ? [] : [Number(progress)]));
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  const master = await fetch(String(last(told).playbackUrl));
  expect(master.status).toBe(200);
  expect(await master.text()).toContain('#EXT-X-STREAM-INF');

  const id = String(last(told).assetId);
  const [asset] = (await at('asset', 'get', id, '--json')).events();
  expect(asset).toMatchObject({
    state: 'ASSET_STATE_READY',
    title: 'Der Film',
    profile: 'fast',
    metadata: { course: 'a=b', year: '2026' },
  });

  const [job] = (await at('job', 'list', '--asset', id, '--json')).events();
  expect(job).toMatchObject({ assetId: id, state: 'JOB_STATE_FINISHED' });
  const jobId = String(job?.id);
  expect((await at('job', 'get', jobId)).stdout).toMatch(/state +FINISHED/);
  expect((await at('job', 'watch', jobId)).stdout).toContain('FINISHED  100 %');
  const cancelled = await at('job', 'cancel', jobId);
  expect(cancelled.code).toBe(1);
  expect(cancelled.stderr).toContain('JOB_ENDED');

  expect(await at('asset', 'delete', id, '--wait')).toMatchObject({ code: 0, stdout: `${id} is deleted.\n` });
  expect((await at('asset', 'get', id)).code).toBe(1);
  const left = await readdir(join(data.path, 'objects'), { recursive: true });
  expect(left.filter((path) => path.includes(id))).toEqual([]);
});

test('an asset is encoded again, by a profile of the server or from a file, and its generations are listed', async () => {
  const uploaded = await at('upload', clip, '--json', '--profile', 'fast', '--wait', 'ready');
  const assetId = String(last(uploaded.events()).assetId);
  const file = join(files.path, 'tiny.json');
  const profile = { preset: 'ultrafast', segmentMs: 1000, renditions: [{ shortSide: 96 }] };
  await writeFile(file, JSON.stringify(profile));
  const { code, stderr, events } = await at(
    'asset',
    'encode',
    assetId,
    '--profile',
    file,
    '--wait',
    'ready',
    '--json',
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(last(events())).toMatchObject({
    assetId,
    state: 'GENERATION_STATE_COMPLETE',
    profile: { name: 'tiny', preset: 'ultrafast' },
  });
  // The same again is the answer, with the profile that is there already.
  const again = await at('asset', 'encode', assetId, '--profile', file);
  expect(again.stdout).toMatch(new RegExp(`id +${last(events()).id}`));
  await writeFile(file, JSON.stringify({ ...profile, segmentMs: 2000 }));
  const other = await at('asset', 'encode', assetId, '--profile', file);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain('PROFILE_EXISTS');
  await writeFile(file, 'profile: tiny');
  expect((await at('asset', 'encode', assetId, '--profile', file)).stderr).toContain('PROFILE_FILE_INVALID');
  expect((await at('asset', 'encode', assetId, '--profile', 'nobody-has-it')).stderr).toContain(
    'PROFILE_NOT_FOUND',
  );

  const listed = (await at('asset', 'generations', assetId, '--json')).events();
  expect(listed.map((each) => (each.profile as { name: string }).name)).toEqual(['tiny', 'fast']);
  const { stdout } = await at('asset', 'generations', assetId);
  expect(stdout).toMatch(
    /^ID +STATE +PLAYS +REQUESTED +PROFILE +TRACKS\ngen_[0-9a-f]{32} +COMPLETE +yes .* tiny +video\/h264-96p/,
  );
});

test('for people there is a result on stdout and progress on stderr', async () => {
  const { code, stdout, stderr } = await at('upload', clip, '--wait', 'ready', '--profile', 'fast');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^READY after [\d.]+ s\n {2}asset +ast_\w+\n {2}player +http\S+\/play\/pbk_\w+\n/);
  expect(stderr).toMatch(/uploading cli-clip\S+ {2}\[#+\] 100 %/);
  expect(stderr).toContain('is PLAYABLE');
});

test('without --wait it returns when the file is stored', async () => {
  const { code, events } = await at('upload', clip, '--json', '--profile', 'fast');
  expect(code).toBe(0);
  expect(['SOURCE_READY', 'PLAYABLE', 'READY']).toContain(last(events()).state);
});

test('any file name will do', async () => {
  const names = [
    'with space.mp4',
    'emoji 🎬.mp4',
    'line\nbreak.mp4',
    'back\\slash.mp4',
    `quote's "and" $(more).mp4`,
    '-dash.mp4',
    '\u202egnp.mp4',
  ];
  for (const name of names) {
    const path = join(files.path, name);
    await copyFile(clip, path);
    const { code, events } = await at('upload', path, '--json', '--profile', 'fast');
    expect({ name, code }).toEqual({ name, code: 0 });
    const [asset] = (await at('asset', 'get', String(last(events()).assetId), '--json')).events();
    expect(asset).toMatchObject({ source: { fileName: name.replace(/[\n\\]/g, '_') } });
  }
  // Node cannot hand over such a name, so a shell does.
  const script =
    'cp "$1" "$2/bytes $(printf "\\377\\376").mp4" && "$3" "$4" upload "$2"/bytes* --json --server "$5"';
  const shell = spawn('sh', ['-c', script, 'sh', clip, files.path, process.execPath, main, mesh.url], {
    env: environment(),
  });
  const { code, stderr } = await outcomeOf(shell);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('what is no media fails with the reason of the server', async () => {
  const path = join(files.path, 'text.mp4');
  await writeFile(path, 'This is a text.\n'.repeat(100));
  const { code, stderr, events } = await at('upload', path, '--json', '--wait', 'playable');
  expect(code).toBe(1);
  const { event, reason, message } = last(events());
  expect({ event, reason, message }).toMatchObject({
    event: 'failed',
    reason: expect.stringMatching(/^[A-Z_]+$/),
  });
  expect(stderr).toContain(`${reason}: ${message}`);
});

test('a profile that does not exist is refused', async () => {
  const { code, events } = await at('upload', clip, '--json', '--profile', 'none');
  expect(code).toBe(1);
  expect(events()).toMatchObject([{ event: 'failed', reason: 'PROFILE_NOT_FOUND' }]);
});

test('a lost connection is no failure', async () => {
  await using line = await openShakyLine(mesh.url);
  const path = join(files.path, 'long.mp4');
  // An MP4 may end in a box that nobody reads, here a large one.
  const free = Buffer.alloc(48 * 1024 * 1024, 7);
  free.writeUInt32BE(free.length, 0);
  free.write('free', 4);
  const bytes = Buffer.concat([await readFile(clip), free]);
  await writeFile(path, bytes);
  const upload = outcomeOf(
    startKerkis(['upload', path, '--json', '--profile', 'fast', '--server', line.url]),
  );
  for (const cutAt of [5_000_000, 25_000_000, 45_000_000]) {
    await waitUntil(() => line.sentBytes() > cutAt);
    line.cut();
  }
  const { code, events } = await upload;
  expect({ code, last: last(events()) }).toMatchObject({ code: 0, last: { event: 'done' } });
  const [asset] = (await at('asset', 'get', String(last(events()).assetId), '--json')).events();
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(asset).toMatchObject({ source: { sizeBytes: `${bytes.length}`, sha256 } });
});

test('Ctrl-C ends the session on the server too', async () => {
  await using line = await openShakyLine(mesh.url);
  const path = join(files.path, 'cancelled.mp4');
  await writeFile(path, Buffer.alloc(40 * 1024 * 1024, 1));
  const child = startKerkis(['upload', path, '--json', '--server', line.url]);
  const ended = outcomeOf(child);
  await waitUntil(() => line.sentBytes() > 5_000_000);
  child.kill('SIGINT');
  const { code, events } = await ended;
  expect({ code, last: last(events()) }).toMatchObject({
    code: 1,
    last: { event: 'failed', reason: 'CANCELLED' },
  });
  const response = await fetch(`${mesh.url}/kerkis.upload.v1.UploadService/ListUploads`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ state: 'UPLOAD_STATE_RECEIVING' }),
  });
  expect(await response.json()).toEqual({});
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s while it waits says what goes on', async (signal) => {
  const long = await makeMedia('cli-long', { seconds: 20, video: { width: 1280, height: 720 } });
  const child = startKerkis(['upload', long, '--json', '--wait', 'ready', '--server', mesh.url]);
  const ended = outcomeOf(child);
  let told = '';
  child.stdout?.on('data', (text) => {
    told += text;
  });
  await waitUntil(() => told.includes('"PLAYABLE"'));
  child.kill(signal);
  const { code, stderr, events } = await ended;
  expect({ code, last: last(events()) }).toMatchObject({
    code: 1,
    last: { event: 'failed', reason: 'CANCELLED' },
  });
  expect(stderr).toMatch(/^kerkis: CANCELLED: Nobody waits any longer\..* "kerkis asset watch ast_\w+"\.\n$/);
});

test('kill -9 in the middle of encoding leaves no ffmpeg, and the next start finishes the work', async () => {
  const long = await makeMedia('cli-long', { seconds: 20, video: { width: 1280, height: 720 } });
  await using directory = await tempDir();
  const config = join(files.path, 'short-leases.yaml');
  await writeFile(config, 'transcode: { planner: { leaseSeconds: 5 } }');
  let assetId = '';
  {
    await using first = await startMesh(directory.path, '--config', config);
    const upload = await kerkis('upload', long, '--wait', 'playable', '--json', '--server', first.url);
    assetId = String(last(upload.events()).assetId);
    const isEncoding = () => descendants(first.pid).some(({ command }) => command.includes('ffmpeg '));
    await waitUntil(isEncoding);
    const below = descendants(first.pid).map(({ pid }) => pid);
    first.child.kill('SIGKILL');
    await untilGone(below);
  }
  await using second = await startMesh(directory.path, '--config', config);
  await waitUntil(
    async () => {
      const [asset] = (await kerkis('asset', 'get', assetId, '--json', '--server', second.url)).events();
      return asset?.state === 'ASSET_STATE_READY';
    },
    { timeoutMs: 240_000, intervalMs: 1_000 },
  );
}, 300_000);
