import { chmod, mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheDirectory, cachedPath, findTool, toolPath } from './index.ts';

test('PATH comes before the cache folder, and what is not executable does not count', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'kerkis-tools-'));
  const folder = join(directory.path, 'bin');
  const environment = { PATH: folder, KERKIS_CACHE: join(directory.path, 'cache') };
  const cached = await program(cachedPath('nats-server', environment));
  expect(findTool('nats-server', { ...environment, PATH: 'bin' })).toBe(cached);
  const onPath = await program(join(folder, 'nats-server'));
  expect(toolPath('nats-server', environment)).toBe(onPath);
  await chmod(onPath, 0o644);
  expect(findTool('nats-server', environment)).toBe(cached);
});

test('a current nats-server stands in for the usual one', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'kerkis-tools-'));
  const environment = { PATH: '', KERKIS_CACHE: directory.path };
  const current = await program(cachedPath('nats-server-current', environment));
  expect(findTool('nats-server', environment)).toBe(current);
});

test('a missing tool says what it is for and how to get it', () => {
  const environment = { PATH: '', KERKIS_CACHE: '/nonexistent' };
  expect(findTool('ferretdb', environment)).toBeUndefined();
  expect(() => toolPath('ferretdb', environment)).toThrow(
    expect.objectContaining({ kind: 'precondition', reason: 'TOOL_MISSING', details: { tool: 'ferretdb' } }),
  );
  expect(() => toolPath('ffmpeg', environment)).toThrow(/npm run setup.*Debian package ffmpeg/);
});

test('the cache folder follows the environment', () => {
  expect(cacheDirectory({ KERKIS_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheDirectory({ XDG_CACHE_HOME: '/b' })).toBe('/b/kerkis');
  expect(cacheDirectory({})).toMatch(/^\/.*\/\.cache\/kerkis$/);
});

async function program(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '#!/bin/sh\n', { mode: 0o755 });
  return path;
}
