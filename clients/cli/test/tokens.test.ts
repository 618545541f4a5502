// From a key to a film that plays for who holds a token, with the real mesh and the real command.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeMedia, tempDir } from '@kerkis/testing';
import { createKeyPair } from '@kerkis/tokens';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kerkis, type Mesh, startMesh } from './kerkis.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let mesh: Mesh;
let folder: string;

beforeAll(async () => {
  folder = stack.use(await tempDir()).path;
  mesh = stack.use(await startMesh(join(folder, 'data')));
});

const at = (...args: string[]) => kerkis(...args, '--server', mesh.url);
const playbackId = `pbk_${'0'.repeat(32)}`;

async function statusOf(url: string): Promise<string> {
  const answer = await fetch(url);
  const body = await answer.text();
  return answer.ok ? `${answer.status}` : `${answer.status} ${JSON.parse(body).reason}`;
}

test('a signed film plays with a token of a key, until the key is revoked', async () => {
  const pem = join(folder, 'studio.pem');
  const created = await at('keys', 'create', '--name', 'studio', '--out', pem, '--json');
  expect(created).toMatchObject({ code: 0, stderr: '' });
  const [{ signingKey, privateKey }] = created.events() as [
    { signingKey: { id: string }; privateKey?: string },
  ];
  expect(privateKey).toBeUndefined();
  expect((await stat(pem)).mode & 0o777).toBe(0o600);
  expect((await at('keys', 'create', '--out', pem)).stderr).toContain('FILE_EXISTS');

  const clip = await makeMedia('cli-clip', { seconds: 3 });
  const upload = await at(
    'upload',
    clip,
    '--policy',
    'signed',
    '--wait',
    'ready',
    '--profile',
    'fast',
    '--json',
  );
  expect(upload.code).toBe(0);
  const film = upload.events().at(-1) as { playbackId: string; playbackUrl: string };
  expect(await statusOf(film.playbackUrl)).toBe('403 PLAYBACK_TOKEN_REQUIRED');

  const signed = await at('token', film.playbackId, '--key', pem, '--expires', '1h', '--json');
  const [told] = signed.events() as [{ token: string; hls: string; player: string }];
  const plain = await at('token', film.playbackId, '--key', pem, '--expires', '1h', '--max-height', '720');
  expect(plain).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/) });
  expect(await statusOf(`${film.playbackUrl}?token=${plain.stdout.trim()}`)).toBe('200');

  const next = async (url: string) => {
    const playlist = await (await fetch(url)).text();
    return new URL(/^[^#\n].*$/m.exec(playlist)?.[0] ?? '', url).href;
  };
  const segment = await next(await next(told.hls));
  expect(segment).toContain(`token=${told.token}`);
  expect(await statusOf(segment)).toBe('200');

  const listed = await at('keys', 'list', '--json');
  expect(listed.events()).toEqual([signingKey]);
  expect((await at('keys', 'list')).stdout).toMatch(/EDDSA.*studio/);
  expect((await at('keys', 'revoke', signingKey.id)).stdout).toContain('revoked');
  await expect.poll(() => statusOf(segment)).toBe('403 PLAYBACK_TOKEN_KEY_UNKNOWN');
  expect((await at('keys', 'list', '--json')).events()).toEqual([]);
  expect((await at('keys', 'list', '--all', '--json')).events()).toHaveLength(1);
});

test('a key of their own: only its public half is sent', async () => {
  const pair = await createKeyPair('ES256');
  const pub = join(folder, 'own.pub');
  await writeFile(pub, pair.publicKeyPem);
  const created = await at('keys', 'create', '--public-key', pub);
  expect(created).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(pair.id) });

  const pem = join(folder, 'own.pem');
  await writeFile(pem, pair.privateKeyPem);
  const refused = await at('keys', 'create', '--public-key', pem);
  expect(refused.stderr).toContain('PRIVATE_KEY_GIVEN');
});

test('without a file the private key is all of stdout', async () => {
  const { stdout, stderr } = await at('keys', 'create', '--algorithm', 'es256');
  expect(stdout).toMatch(/^-----BEGIN PRIVATE KEY-----[\s\S]+-----END PRIVATE KEY-----\n$/);
  expect(stderr).toMatch(/ES256/);
  const pem = join(folder, 'piped.pem');
  await writeFile(pem, stdout);
  const { code } = await kerkis(
    'token',
    playbackId,
    '--key',
    pem,
    '--expires',
    '90s',
    '--ip',
    '192.0.2.0/24',
  );
  expect(code).toBe(0);
});

test('a key file that cannot be made asks for no key', async () => {
  const before = (await at('keys', 'list', '--json')).events().length;
  const refused = await at('keys', 'create', '--out', join(folder, 'no', 'where.pem'));
  expect(refused.stderr).toContain('FILE_UNWRITABLE');
  expect((await at('keys', 'list', '--json')).events()).toHaveLength(before);
  const unreachable = join(folder, 'left.pem');
  expect((await kerkis('keys', 'create', '--out', unreachable, '--server', 'http://127.0.0.1:1')).code).toBe(
    1,
  );
  await expect(readFile(unreachable)).rejects.toThrow('ENOENT');
});

test.each([
  [['--expires', '1h', '--ip', 'home']],
  [['--expires', '1h', '--referrer', 'https://example.com']],
  [['--expires', '1h', '--preview', '5']],
  [[]],
])('kerkis token %j is wrong', async (args) => {
  const { code, stdout } = await kerkis('token', playbackId, '--key', import.meta.filename, ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('what is no key or no playback ID is refused', async () => {
  const key = join(folder, 'piped.pem');
  const cases = {
    SIGNING_KEY_INVALID: ['token', playbackId, '--key', import.meta.filename],
    FILE_UNREADABLE: ['token', playbackId, '--key', join(folder, 'none')],
    PLAYBACK_CLAIMS_INVALID: ['token', 'ast_1', '--key', key],
  };
  for (const [reason, args] of Object.entries(cases)) {
    const { code, stderr } = await kerkis(...args, '--expires', '1h');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
  }
});
