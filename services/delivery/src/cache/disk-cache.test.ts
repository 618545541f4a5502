import { execFileSync } from 'node:child_process';
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import { createCounts } from './counts.ts';
import { openDiskCache } from './disk-cache.ts';
import { diskFileId } from './disk-file.ts';
import { type Piece, pieceName } from './piece.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const directory = async () => stack.use(await tempDir('disk-cache')).path;

async function open(path: string, settings: { capacityBytes?: number; pauseMs?: number } = {}) {
  const counts = createCounts().disk;
  const warnings: object[] = [];
  const logger = { info: () => undefined, warn: (facts: object) => void warnings.push(facts) };
  const options = { directory: path, capacityBytes: 1024 * 1024, counts, logger, ...settings };
  const cache = await openDiskCache(options as Parameters<typeof openDiskCache>[0]);
  return { cache, counts, warnings, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() };
}

function piece(name: string, bytes = Buffer.from(`bytes of ${name}`)): Piece & { bytes: Buffer } {
  const about = { etag: '"e"', lastModified: 'Sat, 21 Nov 2026 00:00:00 GMT' };
  return { key: `media/ast_1/gen_1/${name}`, sizeBytes: bytes.byteLength, bytes, ...about };
}

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(join(path, 'v1'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test('what was put is there after a restart, whole, in blocks and empty', async () => {
  const path = await directory();
  const large = { ...piece('large'), sizeBytes: 50_000_000 };
  const { bytes: _, ...about } = large;
  const pieces: Piece[] = [piece('1.m4s'), piece('empty', Buffer.alloc(0)), about, { ...large, block: 7 }];
  {
    await using first = await open(path);
    for (const each of pieces) first.cache.put(each);
    await first.cache.settled();
  }
  await using second = await open(path);
  for (const each of pieces) expect(await second.cache.get(pieceName(each))).toEqual(each);
  expect(await second.cache.get(pieceName({ ...large, block: 8 }))).toBeUndefined();
  expect(second.counts).toMatchObject({ hits: 4, misses: 1, failures: 0 });
});

test('no part of a name reaches the file system', async () => {
  const path = await directory();
  await using disk = await open(path);
  const hostile = { ...piece(''), key: '../../../../etc/cron.d/x' };
  disk.cache.put(hostile);
  await disk.cache.settled();
  expect(await disk.cache.get(hostile.key)).toEqual(hostile);
  const [file = '', ...others] = await filesIn(path);
  expect(others).toEqual([]);
  expect(file.slice(path.length)).toMatch(/^\/v1\/[0-9a-f]{2}\/[0-9a-f]{48}-[0-9a-z]+-[0-9a-z]+$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('what is damaged is not there, and is removed', async () => {
  const harm: ((file: string) => Promise<unknown>)[] = [
    (file) => truncate(file, 0),
    (file) => truncate(file, 5),
    async (file) => truncate(file, (await stat(file)).size - 1),
    (file) => flip(file, 0),
    (file) => flip(file, 5),
    (file) => flip(file, 13),
    (file) => flip(file, -1),
    async (file) => writeFile(file, (await readFile(file)).fill(0)),
    (file) => rm(file),
  ];
  for (const [number, damage] of harm.entries()) {
    const path = await directory();
    await using disk = await open(path);
    const whole = piece('1.m4s');
    disk.cache.put(whole);
    await disk.cache.settled();
    const [file = ''] = await filesIn(path);
    await damage(file);
    expect(await disk.cache.get(whole.key), `damage ${number}`).toBeUndefined();
    await disk.cache.settled();
    expect(await filesIn(path)).toEqual([]);
    expect(disk.cache.sizeBytes).toBe(0);
    expect(disk.counts.failures).toBe(number === harm.length - 1 ? 0 : 1);
    disk.cache.put(whole);
    await disk.cache.settled();
    expect(await disk.cache.get(whole.key)).toEqual(whole);
  }
});

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  const offset = at < 0 ? bytes.byteLength + at : at;
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
  await writeFile(file, bytes);
}

test('a file of another piece under the name of this one is not taken for it', async () => {
  const path = await directory();
  const [one, other] = [piece('1.m4s'), piece('2.m4s')];
  {
    await using disk = await open(path);
    disk.cache.put(one);
    disk.cache.put(other);
    await disk.cache.settled();
  }
  const files = await filesIn(path);
  const fileOf = ({ key }: Piece) => files.find((file) => file.includes(diskFileId(key))) ?? '';
  await writeFile(fileOf(one), await readFile(fileOf(other)));
  await using disk = await open(path);
  expect(await disk.cache.get(one.key)).toBeUndefined();
  expect(await disk.cache.get(other.key)).toEqual(other);
});

test('keeps to its bound, also when that is lower than before', async () => {
  const path = await directory();
  const used = async () => {
    const sizes = await Promise.all(
      (await filesIn(path)).map(async (file) => (await stat(file)).blocks * 512),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  };
  {
    await using disk = await open(path, { capacityBytes: 400_000 });
    for (let i = 0; i < 50; i++) {
      disk.cache.put(piece(`${i}.m4s`, Buffer.alloc(20_000, i)));
      await disk.cache.settled();
      expect(await used()).toBeLessThanOrEqual(400_000);
    }
    expect(disk.counts.evictions).toBeGreaterThan(20);
    expect(disk.cache.sizeBytes).toBe(await used());
  }
  await using lower = await open(path, { capacityBytes: 100_000 });
  expect(await used()).toBe(lower.cache.sizeBytes);
  expect(lower.cache.sizeBytes).toBeLessThanOrEqual(100_000);
  expect(await lower.cache.get(piece('49.m4s').key)).toBeDefined();
});

test('leaves what is not its own alone, and clears away what it left itself', async () => {
  const path = await directory();
  await mkdir(join(path, 'v1', 'tmp'), { recursive: true });
  const foreign = [join(path, 'notes'), join(path, 'v1', 'notes'), join(path, 'v1', 'tmp', 'notes')];
  for (const file of foreign) await writeFile(file, 'mine');
  await writeFile(join(path, 'v1', 'tmp', '01234567-89ab-4cde-8f01-23456789abcd'), 'half');
  {
    await using _disk = await open(path, { capacityBytes: 1 });
  }
  expect((await filesIn(path)).toSorted()).toEqual(foreign.slice(1).toSorted());
});

test('forgets an asset', async () => {
  const path = await directory();
  await using disk = await open(path);
  const [gone, stays] = [piece('1.m4s'), { ...piece('1.m4s'), key: 'media/ast_10/gen_1/1.m4s' }];
  disk.cache.put(gone);
  disk.cache.put(stays);
  await disk.cache.settled();
  disk.cache.forget(['media/ast_1']);
  await disk.cache.settled();
  expect(await disk.cache.get(gone.key)).toBeUndefined();
  expect(await disk.cache.get(stays.key)).toEqual(stays);
  expect(await filesIn(path)).toHaveLength(1);
});

test('where nothing can be written it stays away, until that is over', async () => {
  const other = join(await directory(), 'other');
  const earlier = piece('earlier');
  {
    await using before = await open(other);
    before.cache.put(earlier);
    await before.cache.settled();
  }
  const path = join(other, '..', 'cache');
  await writeFile(path, 'a file where the directory should be');
  await using disk = await open(path, { pauseMs: 1 });
  const whole = piece('1.m4s');
  disk.cache.put(whole);
  await disk.cache.settled();
  expect(await disk.cache.get(whole.key)).toBeUndefined();
  expect(disk.counts.failures).toBeGreaterThan(0);
  expect(disk.warnings[0]).toMatchObject({ operation: 'open' });
  // Such as a disk that is mounted late, with what it held before.
  await rm(path);
  await rename(other, path);
  await expect
    .poll(async () => {
      disk.cache.put(whole);
      await disk.cache.settled();
      return await disk.cache.get(whole.key);
    })
    .toEqual(whole);
  expect(await disk.cache.get(earlier.key)).toEqual(earlier);
});

const mounted = mountSmallDisk();
test.skipIf(!mounted)('a full disk holds what it has, and less of it for the sake of others', async () => {
  const path = join(mounted ?? '', 'cache');
  await using disk = await open(path, { capacityBytes: 100 * 1024 * 1024, pauseMs: 60_000 });
  const first = piece('first', Buffer.alloc(500_000, 1));
  disk.cache.put(first);
  await disk.cache.settled();
  await appendFile(join(mounted ?? '', 'others'), Buffer.alloc(900_000));
  disk.cache.put(piece('second', Buffer.alloc(1_500_000, 2)));
  await disk.cache.settled();
  expect(disk.counts.failures).toBe(1);
  expect(disk.warnings).toMatchObject([{ operation: 'write', err: { code: 'ENOSPC' } }]);
  // Nothing half-written is left, and nothing is tried again for a while.
  expect((await filesIn(path)).filter((file) => file.includes('/tmp/'))).toEqual([]);
  disk.cache.put(piece('third', Buffer.alloc(1_000, 3)));
  await disk.cache.settled();
  expect(await disk.cache.get(piece('third').key)).toBeUndefined();
});

/** A file system of 2 MiB; undefined where this may not be mounted. */
function mountSmallDisk(): string | undefined {
  try {
    const path = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
    stack.defer(() => rm(path, { recursive: true, force: true }));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'pipe' });
    stack.defer(() => void execFileSync('umount', [path]));
    return path;
  } catch {
    console.warn('Skipped: no file system can be mounted here.');
    return undefined;
  }
}
