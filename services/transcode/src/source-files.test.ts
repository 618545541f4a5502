import { access, mkdir, readdir, readFile } from 'node:fs/promises';
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
    (await readdir(scratch, { recursive: true })).some((name) => name.endsWith('.part')),
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
