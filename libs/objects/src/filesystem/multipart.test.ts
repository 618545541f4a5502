import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { tempDir } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type NamedPart, type ObjectStore, openObjectStore } from '../index.ts';
import type { JournalLine } from './places.ts';
import { newWriterId } from './writer-id.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let directory: string;
let store: ObjectStore;
let count = 0;
beforeAll(async () => {
  directory = stack.use(await tempDir('objects')).path;
  store = stack.use(await openObjectStore({ kind: 'filesystem', directory }));
});

const partBytes = 100_000;
const whole = randomBytes(2 * partBytes + 77);
const partOf = (index: number) => whole.subarray(index * partBytes, (index + 1) * partBytes);

async function begun() {
  const key = `sources/t${++count}`;
  const uploadId = await store.createMultipart(key);
  const own = join(directory, '.multipart', uploadId);
  return {
    key,
    uploadId,
    bodyIno: async () => (await stat(join(own, 'body'))).ino,
    files: async () => (await readdir(own)).sort(),
    tell: (line: JournalLine) => appendFile(join(own, 'journal'), `\n${JSON.stringify(line)}\n`),
    tear: () => appendFile(join(own, 'journal'), '\n{"done":"a-writer-that-cra'),
    put: async (partNumber: number, bytes: Uint8Array, offsetBytes?: number): Promise<NamedPart> => {
      const { length } = bytes;
      const { etag } = await store.putPart(key, uploadId, partNumber, bytes, length, { offsetBytes });
      return { partNumber, etag };
    },
    async complete(parts: NamedPart[], isCopied: boolean, expected: Uint8Array = whole) {
      const ino = await stat(join(own, 'body')).then(
        (stats) => stats.ino,
        () => 0,
      );
      const done = await store.completeMultipart(key, uploadId, parts);
      expect(done).toEqual({ etag: (await store.head(key))?.etag, sizeBytes: expected.length });
      expect((await readFile(join(directory, key))).equals(expected)).toBe(true);
      const stats = await stat(join(directory, key));
      expect([stats.ino === ino, stats.nlink]).toEqual([!isCopied, 1]);
      expect(await readdir(join(directory, '.tmp'))).toEqual([]);
    },
  };
}

/** What a process that has ended called its writing, on this host or another. */
async function endedWriterId({ onThisHost = true } = {}): Promise<string> {
  const ended = promisify(execFile)('true');
  await ended;
  const [scope, , ...rest] = newWriterId().split('-');
  return [onThisHost ? scope : 'another-host', ended.child.pid, ...rest].join('-');
}

test('parts at their places become the object without a copy, in whatever order they came', async () => {
  const upload = await begun();
  const third = await upload.put(9, partOf(2), 2 * partBytes);
  const first = await upload.put(1, partOf(0), 0);
  await upload.put(4, randomBytes(partBytes), partBytes);
  const second = await upload.put(4, partOf(1), partBytes);
  expect(await upload.files()).toEqual(['body', 'journal', 'meta.json']);
  await upload.complete([first, second, third], false);
});

test('parts that are not where they belong are copied', async () => {
  const cases: [string, (upload: Awaited<ReturnType<typeof begun>>) => Promise<NamedPart[]>][] = [
    ['apart', async (u) => [await u.put(1, partOf(0), 0), await u.put(2, whole.subarray(partBytes))]],
    [
      'a gap',
      async (u) => [await u.put(1, partOf(0), 0), await u.put(2, whole.subarray(partBytes), 200_000)],
    ],
    [
      'swapped',
      async (u) => {
        const late = await u.put(1, partOf(0), whole.length - partBytes);
        return [late, await u.put(2, whole.subarray(partBytes), 0)];
      },
    ],
    [
      'put apart again',
      async (u) => {
        await u.put(1, randomBytes(partBytes), 0);
        const second = await u.put(2, whole.subarray(partBytes), partBytes);
        return [await u.put(1, partOf(0)), second];
      },
    ],
    [
      'something behind the end',
      async (u) => {
        const parts = [await u.put(1, partOf(0), 0), await u.put(2, whole.subarray(partBytes), partBytes)];
        await u.put(3, Buffer.from('dropped'), whole.length);
        return parts;
      },
    ],
  ];
  for (const [, parts] of cases) {
    const upload = await begun();
    await upload.complete(await parts(upload), true);
  }
});

test('a part that was put apart and then at its place is there once', async () => {
  const upload = await begun();
  await upload.put(1, Buffer.from('first'));
  const first = await upload.put(1, partOf(0), 0);
  expect(await upload.files()).toEqual(['body', 'journal', 'meta.json']);
  await upload.complete([first], false, partOf(0));
});

test('a writer that died in the middle is followed at its place', async () => {
  const upload = await begun();
  const first = await upload.put(1, partOf(0), 0);
  await upload.tell({ begin: await endedWriterId(), part: 2, offset: partBytes, size: partBytes });
  const rest = await upload.put(3, whole.subarray(partBytes), partBytes);
  await upload.tear();
  await upload.complete([first, rest], false);
});

test('what a dead writer stored and nobody counted gives way to its successor', async () => {
  const upload = await begun();
  const first = await upload.put(1, partOf(0), 0);
  const lost = await upload.put(2, randomBytes(partBytes), partBytes);
  const rest = await upload.put(3, whole.subarray(partBytes), partBytes);
  await expect(store.completeMultipart(upload.key, upload.uploadId, [first, lost])).rejects.toMatchObject({
    reason: 'MULTIPART_PART_INVALID',
  });
  await upload.complete([first, rest], false);
});

test('a writer that was given up and comes back harms nothing', async () => {
  const upload = await begun();
  const first = await upload.put(1, partOf(0), 0);
  const rest = await upload.put(3, whole.subarray(partBytes), partBytes);
  await upload.put(2, randomBytes(partBytes), partBytes);
  await upload.complete([first, rest], false);
});

test.each([
  ['of this process', async () => newWriterId()],
  ['on another host', () => endedWriterId({ onThisHost: false })],
])('who may still be writing, %s, has its place for itself, and the object is a copy', async (_, writer) => {
  const upload = await begun();
  const first = await upload.put(1, partOf(0), 0);
  await upload.tell({ begin: await writer(), part: 2, offset: partBytes, size: partBytes });
  const rest = await upload.put(3, whole.subarray(partBytes), partBytes);
  expect(await upload.files()).toContain('3');
  await upload.complete([first, rest], true);
});

test('a part that comes while the upload is completed goes elsewhere', async () => {
  const upload = await begun();
  const first = await upload.put(1, whole, 0);
  await upload.tell({ sealed: true });
  await upload.put(2, randomBytes(partBytes), 0);
  expect(await upload.files()).toContain('2');
  await upload.complete([first], false);
});

test('a part whose body fails is not kept, and its place is free again', async () => {
  const upload = await begun();
  async function* broken() {
    yield partOf(0);
    throw new Error('the client went away');
  }
  const failing = store.putPart(upload.key, upload.uploadId, 1, broken(), 2 * partBytes, { offsetBytes: 0 });
  await expect(failing).rejects.toThrow('the client went away');
  expect(await store.listParts(upload.key, upload.uploadId)).toEqual([]);
  await upload.complete([await upload.put(2, whole, 0)], false);
});

test('parts can be read before the object is complete', async () => {
  const upload = await begun();
  const parts = [
    await upload.put(1, partOf(0), 0),
    await upload.put(2, partOf(1)),
    await upload.put(3, Buffer.alloc(0)),
  ];
  const read = async (part: NamedPart) => {
    const body = await store.getPart?.(upload.key, upload.uploadId, part);
    return body && (await buffer(body));
  };
  expect(await Promise.all(parts.map(read))).toEqual([partOf(0), partOf(1), Buffer.alloc(0)]);
  await expect(read({ partNumber: 1, etag: 'x' })).rejects.toMatchObject({
    reason: 'MULTIPART_PART_INVALID',
  });
  await store.abortMultipart(upload.key, upload.uploadId);
  await expect(read({ partNumber: 1, etag: 'x' })).rejects.toMatchObject({ reason: 'MULTIPART_NOT_FOUND' });
});

test('the beginning of an upload can be read in place while it grows, and is what the object becomes', async () => {
  const upload = await begun();
  const growing = () => store.growing?.(upload.key, upload.uploadId);
  expect(await growing()).toBeUndefined();
  const last = await upload.put(3, partOf(2), 2 * partBytes);
  expect(await growing()).toBeUndefined();
  const first = await upload.put(1, partOf(0), 0);
  const begin = await growing();
  expect(begin?.sizeBytes).toBe(partBytes);
  expect((await readFile(begin?.path ?? '')).subarray(0, partBytes).equals(partOf(0))).toBe(true);
  const before = await stat(begin?.path ?? '', { bigint: true });
  const middle = await upload.put(2, partOf(1), partBytes);
  expect((await growing())?.sizeBytes).toBe(whole.length);
  await upload.complete([first, middle, last], false);
  const after = await stat(join(directory, upload.key), { bigint: true });
  expect([after.ino, after.birthtimeNs]).toEqual([before.ino, before.birthtimeNs]);
  expect(await growing()).toBeUndefined();
  expect(await store.growing?.(upload.key, '../../etc')).toBeUndefined();
});

test('what lies in files of its own is no beginning of the body', async () => {
  const upload = await begun();
  await upload.put(1, partOf(0));
  await upload.put(2, partOf(1), partBytes);
  expect(await store.growing?.(upload.key, upload.uploadId)).toBeUndefined();
});

test('another store on the directory goes on where this one was', async () => {
  const upload = await begun();
  const first = await upload.put(1, partOf(0), 0);
  await using other = await openObjectStore({ kind: 'filesystem', directory });
  const rest = whole.subarray(partBytes);
  const options = { offsetBytes: partBytes };
  const { etag } = await other.putPart(upload.key, upload.uploadId, 2, rest, rest.length, options);
  await upload.complete([first, { partNumber: 2, etag }], false);
});
