import { tempDir } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kerkis, type Mesh, outcomeOf, startKerkis, startMesh } from './kerkis.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let mesh: Mesh;
const ids: string[] = [];
const titles = ['plain', 'escape \u001b[31mred\u0007', 'two\nlines \u202e🎬'];

beforeAll(async () => {
  const directory = stack.use(await tempDir());
  mesh = stack.use(await startMesh(directory.path));
  for (const title of titles) ids.push(await createAsset(title));
});

async function createAsset(title: string): Promise<string> {
  const response = await fetch(`${mesh.url}/kerkis.catalog.v1.AssetService/CreateAsset`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title, metadata: { course: 'a=b' } }),
  });
  const { asset } = (await response.json()) as { asset: { id: string } };
  return asset.id;
}

const at = (...args: string[]) => kerkis(...args, '--server', mesh.url);

test('a list as JSON has one asset a line, newest first', async () => {
  const { code, stderr, events } = await at('asset', 'list', '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(events().map(({ id }) => id)).toEqual(ids.toReversed());
  expect(events()[2]).toMatchObject({
    id: ids[0],
    state: 'ASSET_STATE_CREATED',
    title: 'plain',
    metadata: { course: 'a=b' },
    playbackIds: [{ id: expect.stringMatching(/^pbk_/), policy: 'PLAYBACK_POLICY_PUBLIC' }],
  });
});

test('a list is narrowed by state and limit', async () => {
  expect((await at('asset', 'list', '--json', '--limit', '2')).events()).toHaveLength(2);
  expect((await at('asset', 'list', '--json', '--state', 'created')).events()).toHaveLength(3);
  expect((await at('asset', 'list', '--json', '--state', 'ready')).stdout).toBe('');
});

test('a list for people has a heading, a line each, and nothing that moves their terminal', async () => {
  const { code, stdout } = await at('asset', 'list');
  expect(code).toBe(0);
  const [heading, ...lines] = stdout.trimEnd().split('\n');
  expect(heading).toMatch(/^ID +STATE +DURATION +CREATED +TITLE$/);
  expect(lines).toHaveLength(3);
  for (const control of ['\u001b', '\u0007', '\u202e']) expect(stdout).not.toContain(control);
  expect(stdout).toContain('escape red');
});

test('one asset is shown with where it plays', async () => {
  const id = ids[0] ?? '';
  const [shown] = (await at('asset', 'get', id, '--json')).events();
  expect(shown).toMatchObject({ id, title: 'plain' });
  const { stdout } = await at('asset', 'get', id);
  expect(stdout).toMatch(new RegExp(`hls +${mesh.url}/v/pbk_[0-9a-f]{32}/master\\.m3u8`));
});

test('what is not there or makes no sense fails with its reason', async () => {
  const missing = await at('asset', 'get', `ast_${'0'.repeat(32)}`);
  expect(missing).toMatchObject({ code: 1, stdout: '' });
  expect(missing.stderr).toContain('ASSET_NOT_FOUND');
  const nonsense = await at('job', 'get', 'nonsense');
  expect(nonsense).toMatchObject({ code: 1, stdout: '' });
  expect(nonsense.stderr).toContain('job_id');
  for (const command of ['get', 'watch', 'cancel', 'retry']) {
    const job = await at('job', command, `job_${'0'.repeat(32)}`);
    expect(job).toMatchObject({ code: 1, stdout: '' });
    expect(job.stderr).toContain('JOB_NOT_FOUND');
  }
});

test('the worker of the mesh is listed', async () => {
  await expect.poll(async () => (await at('workers', '--json')).events()).toHaveLength(1);
  const [worker] = (await at('workers', '--json')).events();
  expect(worker).toMatchObject({ id: expect.stringMatching(/^wrk_/), host: expect.any(String) });
  const { code, stdout } = await at('workers');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ID +HOST +STATE +BUSY +CHUNKS +SINCE +LAST SEEN +ENCODERS\nwrk_/);
});

test('no jobs are an empty list', async () => {
  expect(await at('job', 'list', '--json', '--asset', ids[0] ?? '')).toMatchObject({ code: 0, stdout: '' });
  expect((await at('job', 'list')).stdout).toMatch(/^ID +STATE +DONE +CREATED +PROFILE +ASSET\n$/);
});

test('a reader that goes away is no failure', async () => {
  const child = startKerkis(['asset', 'watch', ids[0] ?? '', '--json', '--server', mesh.url]);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.stdout?.destroy();
  // The next line has nobody to read it.
  await fetch(`${mesh.url}/kerkis.catalog.v1.AssetService/UpdateAsset`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ asset: { id: ids[0], title: 'plainer' }, updateMask: 'title' }),
  });
  expect((await outcomeOf(child)).code).toBe(0);
});
