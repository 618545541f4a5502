import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, makeMedia, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kerkis, type Mesh, startMesh } from './kerkis.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let mesh: Mesh;
let data: string;
beforeAll(async () => {
  data = join(stack.use(await tempDir()).path, 'data');
  mesh = stack.use(await startMesh(data, '--port', `${await freePort()}`));
});
const at = (...args: string[]) => kerkis(...args, '--server', mesh.url);

test('edges are listed, drained and undrained', async () => {
  const edges = async () => (await at('edge', 'list', '--json')).events();
  await waitUntil(async () => (await edges()).length === 1, { timeoutMs: 30_000 });
  const [edge] = await edges();
  expect(edge).toMatchObject({
    url: mesh.url,
    kind: 'EDGE_KIND_EDGE',
    state: 'EDGE_STATE_READY',
    weight: 100,
  });
  const id = `${edge?.id}`;
  const drained = await at('edge', 'drain', id);
  expect({ code: drained.code, stderr: drained.stderr }).toEqual({ code: 0, stderr: '' });
  expect(drained.stdout).toMatch(new RegExp(`^ID .*URL\\n${id}  EDGE  DRAINING .*${mesh.url}\\n$`));
  expect((await edges())[0]).toMatchObject({ state: 'EDGE_STATE_DRAINING' });
  expect((await at('edge', 'undrain', id, '--json')).events()).toMatchObject([
    { id, state: 'EDGE_STATE_READY' },
  ]);
  const unknown = await at('edge', 'drain', `nod_${'0'.repeat(32)}`);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('EDGE_NOT_FOUND');
});

test('an upload says how it is encrypted, by a secret that is kept with the data', async () => {
  const clip = await makeMedia('cli-clip', { seconds: 3 });
  const upload = await at(
    'upload',
    clip,
    '--encryption',
    'cbcs',
    '--wait',
    'ready',
    '--profile',
    'fast',
    '--json',
  );
  expect(upload.code, upload.stderr).toBe(0);
  const [asset] = (await at('asset', 'list', '--json')).events() as { playbackIds: { id: string }[] }[];
  expect(asset?.playbackIds).toMatchObject([{ encryption: 'ENCRYPTION_CBCS' }]);
  const base = `${mesh.url}/v/${asset?.playbackIds[0]?.id}`;
  const text = async (path: string) => await (await fetch(`${base}/${path}`)).text();
  const [media = ''] = (await text('master.m3u8')).match(/^[^#\s].*media\.m3u8.*$/m) ?? [];
  const playlist = await text(media);
  expect(playlist).toContain('#EXT-X-KEY:METHOD=SAMPLE-AES');
  const [, key = ''] = /URI="[./]*(key\/[^"]+)"/.exec(playlist) ?? [];
  expect((await (await fetch(`${base}/${key}`)).arrayBuffer()).byteLength).toBe(16);
  const init = await fetch(`${base}/${media.replace(/media\.m3u8.*/, 'init.mp4')}`);
  expect(Buffer.from(await init.arrayBuffer()).includes('cbcs')).toBe(true);
  expect(await readFile(join(data, 'encryption-secret'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
});
