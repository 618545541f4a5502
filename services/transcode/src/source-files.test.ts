import { access, mkdir, open as openFile, readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type ObjectStore, openObjectStore } from '@kerkis/objects';
import { tempDir, waitUntil } from '@kerkis/testing';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openSourceFiles } from './source-files.ts';

let store: ObjectStore;
let scratch: string;
/** Reads of the store that are let through, one by one or all. */
let reads: number;
let before: (read: number) => Promise<void>;

beforeEach(async () => {
  const directory = await tempDir();
  store = await openObjectStore({ kind: 'filesystem', directory: join(directory.path, 'objects') });
  scratch = join(directory.path, 'scratch');
  reads = 0;
  before = async () => {};
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });
  await store.put('sources/a', Buffer.from('the source'));
});

/** Without `localPath`, as S3 is. */
async function open(idleMs?: number) {
  const get: ObjectStore['get'] = async (key, options) => {
    await before(++reads);
    return await store.get(key, options);
  };
  const files = await openSourceFiles({ get }, scratch, idleMs === undefined ? {} : { idleMs });
  onTestFinished(() => files[Symbol.asyncDispose]());
  return files;
}

const never = new AbortController().signal;
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

test('two chunks at once share one copy, which goes when nobody needs it', async () => {
  const files = await open(10);
  const [one, two] = await Promise.all([files.open('sources/a', never), files.open('sources/a', never)]);
  expect(reads).toBe(1);
  expect(two.path).toBe(one.path);
  expect(await readFile(one.path, 'utf8')).toBe('the source');
  await one[Symbol.asyncDispose]();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await exists(two.path)).toBe(true);
  await two[Symbol.asyncDispose]();
  await waitUntil(async () => !(await exists(two.path)));
  await using again = await files.open('sources/a', never);
  expect(await readFile(again.path, 'utf8')).toBe('the source');
});

test('a copy that failed takes none with it that came after it', async () => {
  const files = await open(20);
  before = async (read) => {
    if (read === 1) throw Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });
  };
  await expect(files.open('sources/a', never)).rejects.toThrow();
  await using file = await files.open('sources/a', never);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(await exists(file.path)).toBe(true);
});

test('who is told to stop does not wait for the copy, the others do', async () => {
  const files = await open();
  const { promise: go, resolve } = Promise.withResolvers<void>();
  before = () => go;
  const stopping = new AbortController();
  const left = files.open('sources/a', stopping.signal);
  const stays = files.open('sources/a', never);
  stopping.abort();
  await expect(left).rejects.toMatchObject({ kind: 'cancelled' });
  resolve();
  await using file = await stays;
  expect(await readFile(file.path, 'utf8')).toBe('the source');
  expect(reads).toBe(1);
});

test('disposing ends a copy in the middle and leaves nothing', async () => {
  const files = await openSourceFiles(
    {
      get: async (_key, options) => {
        const body = Readable.from(
          (async function* () {
            yield Buffer.alloc(1000);
            await new Promise((_resolve, reject) =>
              options?.signal?.addEventListener('abort', () => reject(options.signal?.reason)),
            );
          })(),
        );
        return {
          body,
          sizeBytes: 2000,
          bodyBytes: 2000,
          key: 'sources/a',
          etag: '"x"',
          contentType: '',
          modifiedAt: new Date(),
        };
      },
    },
    scratch,
  );
  const opening = files.open('sources/a', never);
  opening.catch(() => {});
  await waitUntil(async () =>
    (await readdir(scratch, { recursive: true })).some((name) => name.includes('/')),
  );
  await files[Symbol.asyncDispose]();
  await expect(opening).rejects.toMatchObject({ kind: 'cancelled' });
  expect(await readdir(scratch)).toEqual([]);
});

test('a missing source and a full disk are typed', async () => {
  const files = await open();
  await expect(files.open('sources/b', never)).rejects.toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
  const full = await openSourceFiles(
    {
      get: async () => ({
        body: Readable.from(
          (async function* () {
            yield Buffer.alloc(10);
            throw Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });
          })(),
        ),
        ...{
          sizeBytes: 20,
          bodyBytes: 20,
          key: 'sources/a',
          etag: '"x"',
          contentType: '',
          modifiedAt: new Date(),
        },
      }),
    },
    scratch,
  );
  await expect(full.open('sources/a', never)).rejects.toMatchObject({ reason: 'STORAGE_FULL' });
  await full[Symbol.asyncDispose]();
});

test('what a killed process left is deleted, what a living one has is not', async () => {
  const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, '-');
  const killed = `sources_${host}_${2 ** 22 + 1}_x_y`;
  const sameId = `sources_${host}_${process.pid}_x_y`;
  const living = `sources_${host}_${process.ppid}_x_y`;
  const foreign = 'sources_elsewhere_1_x_y';
  for (const name of [killed, sameId, living, foreign, 'other']) {
    await mkdir(join(scratch, name), { recursive: true });
  }
  const first = await open();
  await using _file = await first.open('sources/a', never);
  await open();
  const left = await readdir(scratch);
  expect(left).toEqual(expect.arrayContaining([living, foreign, 'other']));
  expect(left).toHaveLength(4);
});

test('of a long source only what is asked for is fetched, each part once', async () => {
  const mebibyte = 1024 ** 2;
  const bytes = Buffer.from(Array.from({ length: 40 * mebibyte }, (_, at) => (at * 7 + (at >> 20)) % 251));
  await store.put('sources/long', bytes);
  const files = await open();
  await using one = await files.openPart('sources/long', never);
  await using two = await files.openPart('sources/long', never);
  expect(reads).toBe(1);
  const piece = async (start: number, end: number) => {
    await using file = await openFile(one.path);
    const found = Buffer.alloc(end - start);
    await file.read(found, 0, found.length, start);
    return found.equals(bytes.subarray(start, end));
  };
  const [start, end] = [10 * mebibyte + 5, 12 * mebibyte + 1];
  expect(await piece(start, end)).toBe(false);
  await Promise.all([one.parts?.fetch(start, end), two.parts?.fetch(start, end)]);
  expect(reads).toBe(2);
  expect(await piece(start, end)).toBe(true);
  expect(await piece(20 * mebibyte, 21 * mebibyte)).toBe(false);
  expect(await one.parts?.peek(30 * mebibyte, 30 * mebibyte + 9)).toEqual(
    bytes.subarray(30 * mebibyte, 30 * mebibyte + 9),
  );
  // What failed is fetched when it is asked for again.
  before = async () => {
    throw new Error('the store is away');
  };
  await expect(one.fetchAll()).rejects.toThrow();
  before = async () => {};
  await using whole = await files.open('sources/long', never);
  expect((await readFile(whole.path)).equals(bytes)).toBe(true);
});
