import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { objectStoreContract } from '../../test/contract.ts';
import { type ObjectStore, openObjectStore } from '../index.ts';
import { temporaryPath } from './temporary.ts';

const run = promisify(execFile);
const directories: string[] = [];
let smallDisk: string | undefined;

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kerkis-objects-'));
  directories.push(directory);
  return directory;
}

const open = async (directory: string) => await openObjectStore({ kind: 'filesystem', directory });

afterAll(async () => {
  if (smallDisk) await run('umount', [smallDisk]);
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

objectStoreContract('filesystem', async () => await open(join(await newDirectory(), 'made/on/the/way')));

async function expectClean(directory: string): Promise<void> {
  expect(await readdir(join(directory, '.tmp'))).toEqual([]);
  expect(await readdir(join(directory, '.multipart'))).toEqual([]);
}

test('objects, etags and multipart uploads survive a restart', async () => {
  const directory = await newDirectory();
  const first = await open(directory);
  const put = await first.put('media/a/1.m4s', Buffer.from('abc'));
  const uploadId = await first.createMultipart('sources/a');
  const part = await first.putPart('sources/a', uploadId, 1, Buffer.from('x'), 1);
  await first[Symbol.asyncDispose]();

  await using second = await open(directory);
  expect(await second.head('media/a/1.m4s')).toMatchObject(put);
  expect(await second.listParts('sources/a', uploadId)).toEqual([{ partNumber: 1, sizeBytes: 1, ...part }]);
  await second.completeMultipart('sources/a', uploadId, [{ partNumber: 1, ...part }]);
  expect(await second.getBytes('sources/a', { maxBytes: 1 })).toEqual(Buffer.from('x'));
  await expectClean(directory);
});

test('empty directories go with their last object', async () => {
  const directory = await newDirectory();
  await using store = await open(directory);
  await store.put('a/b/c/1', Buffer.from('1'));
  await store.put('a/2', Buffer.from('2'));
  await store.delete('a/b/c/1');
  expect(await readdir(join(directory, 'a'))).toEqual(['2']);
  expect(await store.deletePrefix('a/')).toBe(1);
  expect((await readdir(directory)).sort()).toEqual(['.multipart', '.tmp']);
});

test('what fails leaves no temporary file', async () => {
  const directory = await newDirectory();
  await using store = await open(directory);
  await store.put('a', Buffer.from('1'));
  async function* broken() {
    yield Buffer.alloc(3_000_000);
    throw new Error('gone');
  }
  await expect(store.put('b', broken())).rejects.toThrow('gone');
  await expect(store.put('a', Buffer.from('2'), { ifAbsent: true })).rejects.toThrow();
  await expect(store.put('a/b', Buffer.from('2'))).rejects.toMatchObject({
    kind: 'precondition',
    reason: 'OBJECT_KEY_CONFLICT',
  });
  for (const key of ['copy', 'copy', 'a']) await store.copy('a', key);
  await expect(store.copy('a', 'a/b')).rejects.toMatchObject({ reason: 'OBJECT_KEY_CONFLICT' });
  await expect(store.copy('none', 'copy')).rejects.toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
  await store.put('d/e', Buffer.from('2'));
  for (const ifAbsent of [true, false]) {
    await expect(store.put('d', Buffer.from('2'), { ifAbsent })).rejects.toMatchObject({
      reason: 'OBJECT_KEY_CONFLICT',
    });
  }
  await expect(store.get('d')).rejects.toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
  await expect(store.get('a/b')).rejects.toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
  await expectClean(directory);
});

test('symbolic links lead nowhere', async () => {
  const directory = await newDirectory();
  const outside = await newDirectory();
  await writeFile(join(outside, 'secret'), 'secret');
  await using store = await open(directory);
  await symlink(outside, join(directory, 'link'));
  await symlink(join(outside, 'secret'), join(directory, 'file'));
  for (const key of ['link/secret', 'file']) {
    await expect(store.get(key)).rejects.toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
    expect(await store.head(key)).toBeUndefined();
    expect(() => store.localPath?.(key)).toThrow(expect.objectContaining({ reason: 'OBJECT_NOT_FOUND' }));
    await store.delete(key);
  }
  for (const key of ['link/new', 'link/deep/new']) {
    await expect(store.put(key, Buffer.from('x'))).rejects.toMatchObject({ reason: 'OBJECT_KEY_CONFLICT' });
  }
  expect(await store.deletePrefix('link/')).toBe(0);
  const listed = [];
  for await (const { key } of store.list('')) listed.push(key);
  expect(listed).toEqual([]);
  expect(await readdir(outside)).toEqual(['secret']);
});

test('a FIFO or a foreign name is no object', async () => {
  const directory = await newDirectory();
  await using store = await open(directory);
  await run('mkfifo', [join(directory, 'fifo')]);
  await writeFile(join(directory, 'with space'), 'x');
  await expect(store.get('fifo')).rejects.toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
  const listed = [];
  for await (const { key } of store.list('')) listed.push(key);
  expect(listed).toEqual([]);
});

test('gives the path of an object to be read in place', async () => {
  const directory = await newDirectory();
  await using store = await open(directory);
  await store.put('sources/a/b', Buffer.from('in place'));
  expect(store.presign).toBe(false);
  expect(await readFile(store.localPath?.('sources/a/b') ?? '', 'utf8')).toBe('in place');
  for (const key of ['sources/a/c', 'sources', 'sources/a/b/c']) {
    expect(() => store.localPath?.(key)).toThrow(expect.objectContaining({ reason: 'OBJECT_NOT_FOUND' }));
  }
});

test('sweeps what the dead left more than a day ago', async () => {
  const directory = await newDirectory();
  const first = await open(directory);
  await first[Symbol.asyncDispose]();
  const ended = run('true');
  await ended;
  const own = temporaryPath(directory);
  const names = {
    living: own,
    dead: own.replace(`-${process.pid}-`, `-${ended.child.pid}-`),
    foreign: 'x-1-y',
  };
  const old = Date.now() / 1000 - 25 * 60 * 60;
  const paths = {
    living: names.living,
    dead: names.dead,
    recent: `${names.dead}r`,
    foreign: join(directory, '.tmp', names.foreign),
  };
  for (const path of Object.values(paths)) await writeFile(path, 'x');
  await mkdir(`${names.dead}d`);
  for (const path of [paths.living, paths.dead, paths.foreign, `${names.dead}d`])
    await utimes(path, old, old);
  await using _second = await open(directory);
  expect(Object.entries(paths).flatMap(([name, path]) => (existsSync(path) ? [name] : []))).toEqual([
    'living',
    'recent',
  ]);
  expect(existsSync(`${names.dead}d`)).toBe(false);
});

test('says that the directory went away', async () => {
  const directory = await newDirectory();
  await using store = await open(join(directory, 'root'));
  await rm(join(directory, 'root'), { recursive: true });
  const gone = { kind: 'unavailable', reason: 'STORAGE_UNAVAILABLE' };
  await expect(store.ping()).rejects.toMatchObject(gone);
  await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(gone);
  expect(existsSync(join(directory, 'root'))).toBe(false);
});

beforeAll(async () => {
  const directory = await newDirectory();
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory]);
    smallDisk = directory;
  } catch (error) {
    console.warn(`SKIPPED: the full disk test needs the right to mount a tmpfs: ${error}`);
  }
});

test('a full disk is said to be full and gets its space back', async (context) => {
  if (smallDisk === undefined) return context.skip('no right to mount a tmpfs');
  await using store: ObjectStore = await open(smallDisk);
  const freeBefore = (await statfs(smallDisk)).bfree;
  const full = { kind: 'exhausted', reason: 'STORAGE_FULL' };
  async function* endless() {
    for (let count = 0; count < 64; count += 1) yield Buffer.alloc(256 * 1024, 1);
  }
  await expect(store.put('a/b', endless())).rejects.toMatchObject(full);
  await expectClean(smallDisk);
  expect(await store.head('a/b')).toBeUndefined();
  expect((await statfs(smallDisk)).bfree).toBe(freeBefore);

  const key = 'sources/a';
  const uploadId = await store.createMultipart(key);
  await expect(store.putPart(key, uploadId, 1, endless(), 64 * 256 * 1024)).rejects.toMatchObject(full);
  const part = Buffer.alloc(1_500_000);
  const parts = [];
  for (const partNumber of [1, 2]) {
    parts.push({ partNumber, ...(await store.putPart(key, uploadId, partNumber, part, part.length)) });
  }
  await expect(store.completeMultipart(key, uploadId, parts)).rejects.toMatchObject(full);
  expect(await readdir(join(smallDisk, '.tmp'))).toEqual([]);
  expect(await store.listParts(key, uploadId)).toHaveLength(2);
  await store.abortMultipart(key, uploadId);
  await expectClean(smallDisk);
  expect((await statfs(smallDisk)).bfree).toBe(freeBefore);
});
