import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../src/index.ts';

const mebibyte = 1024 * 1024;

/** What every adapter must do. `open` gives an empty store, which the suite disposes of. */
export function objectStoreContract(
  name: string,
  open: () => Promise<ObjectStore>,
  { isIfAbsentAtomic = true } = {},
): void {
  describe(`${name}: the contract`, () => {
    let store: ObjectStore;
    let count = 0;
    const fresh = () => `contract/t${++count}`;

    beforeAll(async () => {
      store = await open();
    });
    afterAll(async () => {
      await store?.[Symbol.asyncDispose]();
    });

    const read = async (key: string, options?: Parameters<ObjectStore['get']>[1]) =>
      await buffer((await store.get(key, options)).body);
    const keys = async (prefix: string) => {
      const found: string[] = [];
      for await (const { key } of store.list(prefix)) found.push(key);
      return found;
    };

    test('is usable', async () => {
      await store.ping();
    });

    test('gives back what was put, with the same facts everywhere', async () => {
      const key = `${fresh()}/1.m4s`;
      const put = await store.put(key, Buffer.from('hello'));
      expect(put).toEqual({ etag: expect.stringMatching(/^[^"]+$/), sizeBytes: 5 });

      const { body, ...info } = await store.get(key);
      expect((await buffer(body)).toString()).toBe('hello');
      expect(info).toMatchObject({ key, ...put, bodyBytes: 5, contentType: 'video/iso.segment' });
      expect(await store.head(key)).toMatchObject({ key, ...put, contentType: 'video/iso.segment' });
      for await (const entry of store.list(key)) expect(entry).toMatchObject({ key, ...put });
      expect(await keys(key)).toEqual([key]);
      expect(Math.abs(info.modifiedAt.getTime() - Date.now())).toBeLessThan(120_000);
      expect(Buffer.from(await store.getBytes(key, { maxBytes: 5 })).toString()).toBe('hello');
    });

    test('replaces an object and its etag', async () => {
      const key = fresh();
      const first = await store.put(key, Buffer.from('one'));
      const second = await store.put(key, Buffer.from('two'));
      expect(second.etag).not.toBe(first.etag);
      expect((await read(key)).toString()).toBe('two');
      expect((await store.head(key))?.etag).toBe(second.etag);
    });

    test('copies an object, and what becomes of one is nothing to the other', async () => {
      const [from, to, gone] = [`${fresh()}/1.m4s`, `${fresh()}/deep/1.m4s`, fresh()];
      await store.put(from, Buffer.from('one'));
      await store.put(to, Buffer.from('old'));
      await Promise.all([store.copy(from, to), store.copy(from, to)]);
      expect(await store.head(to)).toMatchObject({ sizeBytes: 3, contentType: 'video/iso.segment' });
      await store.put(from, Buffer.from('two'));
      expect((await read(to)).toString()).toBe('one');
      await store.copy(from, to);
      await store.delete(from);
      expect((await read(to)).toString()).toBe('two');
      for (const nothing of [from, gone]) {
        await expect(store.copy(nothing, to)).rejects.toMatchObject({ reason: 'OBJECT_NOT_FOUND' });
      }
      expect((await read(to)).toString()).toBe('two');
      await expect(store.copy(to, to, { ifAbsent: true })).rejects.toMatchObject({ reason: 'OBJECT_EXISTS' });
    });

    test('keeps an empty object', async () => {
      const key = fresh();
      expect(await store.put(key, new Uint8Array(0))).toMatchObject({ sizeBytes: 0 });
      expect(await read(key)).toHaveLength(0);
      expect(await store.getBytes(key, { maxBytes: 0 })).toHaveLength(0);
      await expect(store.get(key, { range: { start: 0 } })).rejects.toMatchObject({
        reason: 'RANGE_NOT_SATISFIABLE',
      });
    });

    test.each([
      ['of unknown size', undefined],
      ['of known size', 20 * mebibyte + 7],
    ])('takes a stream %s that is larger than a part', async (_, sizeBytes) => {
      const key = fresh();
      const hash = createHash('sha256');
      async function* chunks() {
        for (const length of [...Array<number>(20).fill(mebibyte), 7]) {
          const chunk = randomBytes(length);
          hash.update(chunk);
          yield chunk;
        }
      }
      const put = await store.put(key, chunks(), { sizeBytes });
      expect(put.sizeBytes).toBe(20 * mebibyte + 7);
      const { body, etag } = await store.get(key);
      expect(etag).toBe(put.etag);
      const back = createHash('sha256');
      for await (const chunk of body) back.update(chunk);
      expect(back.digest('hex')).toBe(hash.digest('hex'));
    });

    test('takes a stream of many small chunks', async () => {
      const key = fresh();
      const pieces = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${index},`));
      const put = await store.put(key, Readable.from(pieces));
      expect(await read(key)).toEqual(Buffer.concat(pieces));
      expect(put.sizeBytes).toBe(Buffer.concat(pieces).length);
    });

    test.each([3, 12 * mebibyte])('a body that fails after %i bytes leaves nothing', async (failAt) => {
      for (const sizeBytes of [undefined, 30 * mebibyte]) {
        const key = fresh();
        async function* broken() {
          yield Buffer.alloc(failAt);
          throw new Error('the client went away');
        }
        await expect(store.put(key, broken(), { sizeBytes })).rejects.toThrow('the client went away');
        expect(await store.head(key)).toBeUndefined();
        const multiparts = [];
        for await (const multipart of store.listMultiparts(key)) multiparts.push(multipart);
        expect(multiparts).toEqual([]);
      }
    });

    test.each([2, 4, 30 * mebibyte])('a body of 3 bytes declared as %i is refused', async (sizeBytes) => {
      const key = fresh();
      const whole = Buffer.from('abc');
      const split = (at: number) => Readable.from([whole.subarray(0, at), whole.subarray(at)]);
      for (const body of [whole, split(1), split(2)]) {
        await expect(store.put(key, body, { sizeBytes })).rejects.toMatchObject({
          kind: 'invalid',
          reason: 'OBJECT_SIZE_MISMATCH',
        });
      }
      expect(await store.head(key)).toBeUndefined();
    });

    test.runIf(isIfAbsentAtomic)('of several puts of what is absent one wins', async () => {
      const key = fresh();
      const attempts = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) => store.put(key, Buffer.from(`v${index}`), { ifAbsent: true })),
      );
      const winners = attempts.flatMap((attempt, index) => (attempt.status === 'fulfilled' ? [index] : []));
      expect(winners).toHaveLength(1);
      expect((await read(key)).toString()).toBe(`v${winners[0]}`);
      for (const attempt of attempts) {
        if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ reason: 'OBJECT_EXISTS' });
      }
    });

    test('puts only what is absent when asked to', async () => {
      const key = fresh();
      await store.put(key, Buffer.from('first'), { ifAbsent: true });
      const body = Readable.from([Buffer.from('late')]);
      await expect(store.put(key, body, { ifAbsent: true })).rejects.toMatchObject({
        kind: 'already_exists',
        reason: 'OBJECT_EXISTS',
      });
      expect(body.destroyed).toBe(true);
      expect((await read(key)).toString()).toBe('first');
    });

    test('puts a large stream only when absent', async () => {
      const key = fresh();
      let held = 0;
      async function* large() {
        held += 1;
        try {
          yield Buffer.alloc(9 * mebibyte, 1);
          yield Buffer.alloc(1);
        } finally {
          held -= 1;
        }
      }
      const put = await store.put(key, large(), { ifAbsent: true, sizeBytes: 9 * mebibyte + 1 });
      expect(put.sizeBytes).toBe(9 * mebibyte + 1);
      await expect(store.put(key, large(), { ifAbsent: true })).rejects.toMatchObject({
        reason: 'OBJECT_EXISTS',
      });
      expect(held).toBe(0);
    });

    test('reads ranges', async () => {
      const key = fresh();
      await store.put(key, Buffer.from('0123456789'));
      expect((await read(key, { range: { start: 0, end: 0 } })).toString()).toBe('0');
      expect((await read(key, { range: { start: 3, end: 5 } })).toString()).toBe('345');
      expect((await read(key, { range: { start: 7 } })).toString()).toBe('789');
      expect((await read(key, { range: { start: 8, end: 99 } })).toString()).toBe('89');
      const { body, ...info } = await store.get(key, { range: { start: 2, end: 3 } });
      expect(info).toMatchObject({ sizeBytes: 10, bodyBytes: 2 });
      body.destroy();
      await expect(store.get(key, { range: { start: 10 } })).rejects.toMatchObject({
        kind: 'invalid',
        reason: 'RANGE_NOT_SATISFIABLE',
        details: { sizeBytes: '10' },
      });
      for (const range of [{ start: -1 }, { start: 5, end: 4 }, { start: 0.5 }, { start: Number.NaN }]) {
        await expect(store.get(key, { range })).rejects.toMatchObject({ reason: 'RANGE_INVALID' });
      }
    });

    test('says what is not there', async () => {
      const key = fresh();
      const absent = { kind: 'not_found', reason: 'OBJECT_NOT_FOUND' };
      await expect(store.get(key)).rejects.toMatchObject(absent);
      await expect(store.getBytes(key, { maxBytes: 9 })).rejects.toMatchObject(absent);
      expect(await store.head(key)).toBeUndefined();
      await store.delete(key);
      expect(await store.deletePrefix(`${key}/`)).toBe(0);
      expect(await keys(`${key}/`)).toEqual([]);
    });

    test('does not read more into memory than allowed', async () => {
      const key = fresh();
      await store.put(key, Buffer.from('four'));
      await expect(store.getBytes(key, { maxBytes: 3 })).rejects.toMatchObject({
        kind: 'too_large',
        reason: 'OBJECT_TOO_LARGE',
      });
    });

    test('an abort ends a read', async () => {
      const key = fresh();
      await store.put(key, Buffer.alloc(8 * mebibyte));
      const controller = new AbortController();
      const { body } = await store.get(key, { signal: controller.signal });
      const iterator = body[Symbol.asyncIterator]();
      await iterator.next();
      controller.abort();
      await expect(
        (async () => {
          for (;;) if ((await iterator.next()).done) return;
        })(),
      ).rejects.toThrow();
      await expect(store.get(key, { signal: controller.signal })).rejects.toMatchObject({
        kind: 'cancelled',
      });
      await expect(
        store.getBytes(key, { maxBytes: 9 * mebibyte, signal: controller.signal }),
      ).rejects.toMatchObject({ kind: 'cancelled' });
    });

    test('lists by prefix, in the order of keys', async () => {
      const base = fresh();
      const names = ['a', 'a-b', 'a.b', 'a0', 'b/1', 'b/10', 'b/2', 'b/x/y', 'b.c', 'B', 'c'];
      for (const name of names) {
        // On a filesystem `b` could not be both.
        await store.put(`${base}/${name}`, Buffer.from(name));
      }
      const sorted = names.map((name) => `${base}/${name}`).sort();
      expect(await keys(`${base}/`)).toEqual(sorted);
      expect(await keys(`${base}/b/1`)).toEqual([`${base}/b/1`, `${base}/b/10`]);
      expect(await keys(`${base}/b`)).toEqual(sorted.filter((key) => key.startsWith(`${base}/b`)));
      expect(await keys(`${base}/a`)).toHaveLength(4);
      expect((await keys('')).filter((key) => key.startsWith(`${base}/`))).toEqual(sorted);
    });

    test('deletes a prefix and nothing beside it', async () => {
      const base = fresh();
      const inside = ['x/1', 'x/2', 'x/y/z'];
      for (const name of [...inside, 'x2/1']) await store.put(`${base}/${name}`, Buffer.from(name));
      expect(await store.deletePrefix(`${base}/x/`)).toBe(3);
      expect(await keys(`${base}/`)).toEqual([`${base}/x2/1`]);
      await expect(store.deletePrefix(`${base}/x`)).rejects.toMatchObject({ reason: 'OBJECT_KEY_INVALID' });
      await expect(store.deletePrefix('')).rejects.toMatchObject({ reason: 'OBJECT_KEY_INVALID' });
      expect(await keys(`${base}/`)).toHaveLength(1);
    });

    test('deletes nothing more once its fence says so', async () => {
      const base = fresh();
      for (const name of ['a/1', 'a/2', 'b']) await store.put(`${base}/${name}`, Buffer.from(name));
      let asked = 0;
      const fence = () => Promise.reject(new Error(`others have taken over: ${++asked}`));
      await expect(store.deletePrefix(`${base}/`, { fence })).rejects.toThrow('others have taken over: 1');
      expect(await keys(`${base}/`)).toHaveLength(3);
      expect(await store.deletePrefix(`${base}/`, { fence: () => {} })).toBe(3);
    });

    test('puts and deletes side by side', async () => {
      const base = fresh();
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const key = `${base}/d/${index % 4}/${index}`;
          await store.put(key, Buffer.from(key));
          await store.delete(key);
        }),
      );
      expect(await keys(`${base}/`)).toEqual([]);
    });

    test('refuses keys that are none, and lets go of the body', async () => {
      const refused = { kind: 'invalid', reason: 'OBJECT_KEY_INVALID' };
      for (const key of ['../escape', 'a/../../b', '/etc/passwd', '.tmp/x', 'a\0b', '']) {
        const body = Readable.from([Buffer.from('x')]);
        await expect(store.put(key, body)).rejects.toMatchObject(refused);
        expect(body.destroyed).toBe(true);
        await expect(store.get(key)).rejects.toMatchObject(refused);
        await expect(store.getBytes(key, { maxBytes: 1 })).rejects.toMatchObject(refused);
        await expect(store.head(key)).rejects.toMatchObject(refused);
        await expect(store.delete(key)).rejects.toMatchObject(refused);
        await expect(store.createMultipart(key)).rejects.toMatchObject(refused);
      }
      await expect(keys('../')).rejects.toMatchObject(refused);
    });

    describe('multipart', () => {
      const multiparts = async (prefix: string) => {
        const found = [];
        for await (const { key, uploadId } of store.listMultiparts(prefix)) found.push({ key, uploadId });
        return found;
      };

      test('joins parts that came in any order', async () => {
        const key = fresh();
        const uploadId = await store.createMultipart(key, { contentType: 'application/octet-stream' });
        const [one, two, three] = [
          randomBytes(5 * mebibyte),
          randomBytes(5 * mebibyte + 1),
          Buffer.from('end'),
        ];
        const third = await store.putPart(key, uploadId, 7, Readable.from([three]), three.length);
        const first = await store.putPart(key, uploadId, 1, Readable.from([one]), one.length);
        await store.putPart(key, uploadId, 2, Buffer.from('put again later'), 15);
        const second = await store.putPart(key, uploadId, 2, two, two.length);

        expect(await multiparts(key)).toEqual([{ key, uploadId }]);
        expect(await multiparts(`${key}-other`)).toEqual([]);
        expect(await store.listParts(key, uploadId)).toEqual([
          { partNumber: 1, etag: first.etag, sizeBytes: one.length },
          { partNumber: 2, etag: second.etag, sizeBytes: two.length },
          { partNumber: 7, etag: third.etag, sizeBytes: 3 },
        ]);
        expect(await store.head(key)).toBeUndefined();

        const done = await store.completeMultipart(key, uploadId, [
          { partNumber: 1, etag: first.etag },
          { partNumber: 2, etag: second.etag },
          { partNumber: 7, etag: third.etag },
        ]);
        const whole = Buffer.concat([one, two, three]);
        expect(done.sizeBytes).toBe(whole.length);
        expect((await read(key)).equals(whole)).toBe(true);
        expect((await store.head(key))?.etag).toBe(done.etag);
        expect(await multiparts(key)).toEqual([]);
        await expect(
          store.completeMultipart(key, uploadId, [{ partNumber: 1, etag: first.etag }]),
        ).rejects.toMatchObject({ kind: 'not_found', reason: 'MULTIPART_NOT_FOUND' });
      });

      test('joins parts whose places and sizes were told', async () => {
        const key = fresh();
        const uploadId = await store.createMultipart(key);
        const whole = randomBytes(10 * mebibyte + 5);
        const sizes = [5 * mebibyte, 5 * mebibyte, 5];
        const parts = [];
        let offsetBytes = 0;
        for (const [index, sizeBytes] of sizes.entries()) {
          const bytes = whole.subarray(offsetBytes, offsetBytes + sizeBytes);
          const partNumber = 2 * index + 1;
          const put = () => store.putPart(key, uploadId, partNumber, bytes, sizeBytes, { offsetBytes });
          if (index === 1) await put();
          const { etag } = await put();
          parts.push({ partNumber, etag, sizeBytes });
          offsetBytes += sizeBytes;
        }
        expect(await store.listParts(key, uploadId)).toEqual(parts);
        const wrong = [...parts.slice(0, 2), { partNumber: 5, etag: 'x', sizeBytes: 5 }];
        await expect(store.completeMultipart(key, uploadId, wrong)).rejects.toMatchObject({
          reason: 'MULTIPART_PART_INVALID',
        });
        expect(await store.completeMultipart(key, uploadId, parts)).toMatchObject({
          sizeBytes: whole.length,
        });
        expect((await read(key)).equals(whole)).toBe(true);
      });

      test('a single part and an empty part are enough', async () => {
        for (const bytes of [Buffer.from('only'), Buffer.alloc(0)]) {
          const key = fresh();
          const uploadId = await store.createMultipart(key);
          const { etag } = await store.putPart(key, uploadId, 3, bytes, bytes.length);
          const done = await store.completeMultipart(key, uploadId, [{ partNumber: 3, etag }]);
          expect(done).toMatchObject({ sizeBytes: bytes.length, etag: (await store.head(key))?.etag });
          expect((await read(key)).equals(bytes)).toBe(true);
        }
      });

      test('wrong parts are refused and can be put right', async () => {
        const key = fresh();
        const uploadId = await store.createMultipart(key);
        const one = randomBytes(5 * mebibyte);
        const first = await store.putPart(key, uploadId, 1, one, one.length);
        const second = await store.putPart(key, uploadId, 2, Buffer.from('b'), 1);
        const good = [
          { partNumber: 1, etag: first.etag },
          { partNumber: 2, etag: second.etag },
        ];
        const bad = [
          [],
          [{ partNumber: 1, etag: second.etag }],
          [...good, { partNumber: 3, etag: first.etag }],
          good.toReversed(),
          [{ partNumber: 0, etag: first.etag }],
        ];
        for (const parts of bad) {
          await expect(store.completeMultipart(key, uploadId, parts)).rejects.toMatchObject({
            kind: 'invalid',
            reason: 'MULTIPART_PART_INVALID',
          });
        }
        expect(await store.head(key)).toBeUndefined();
        expect(await store.completeMultipart(key, uploadId, good)).toMatchObject({
          sizeBytes: one.length + 1,
        });
      });

      test('a part that fails or has another size is not kept', async () => {
        const key = fresh();
        const uploadId = await store.createMultipart(key);
        async function* broken() {
          yield Buffer.from('abc');
          throw new Error('the client went away');
        }
        await expect(store.putPart(key, uploadId, 1, broken(), 10)).rejects.toThrow('the client went away');
        for (const sizeBytes of [2, 4]) {
          const body = Readable.from([Buffer.from('abc')]);
          await expect(store.putPart(key, uploadId, 1, body, sizeBytes)).rejects.toMatchObject({
            reason: 'OBJECT_SIZE_MISMATCH',
          });
        }
        for (const partNumber of [0, 10_001, 1.5]) {
          await expect(store.putPart(key, uploadId, partNumber, Buffer.from('abc'), 3)).rejects.toMatchObject(
            { reason: 'MULTIPART_PART_INVALID' },
          );
        }
        expect(await store.listParts(key, uploadId)).toEqual([]);
        await store.abortMultipart(key, uploadId);
      });

      test('an abort takes everything along and may come twice', async () => {
        const key = fresh();
        const uploadId = await store.createMultipart(key);
        await store.putPart(key, uploadId, 1, Buffer.from('abc'), 3);
        await store.abortMultipart(key, uploadId);
        await store.abortMultipart(key, uploadId);
        expect(await multiparts(key)).toEqual([]);
        expect(await store.head(key)).toBeUndefined();
        const body = Readable.from([Buffer.from('abc')]);
        await expect(store.putPart(key, uploadId, 1, body, 3)).rejects.toMatchObject({
          kind: 'not_found',
          reason: 'MULTIPART_NOT_FOUND',
        });
        expect(body.destroyed).toBe(true);
      });

      test('an id of another key, or no id at all, finds nothing', async () => {
        const key = fresh();
        const uploadId = await store.createMultipart(key);
        const { etag } = await store.putPart(key, uploadId, 1, Buffer.from('abc'), 3);
        const missing = { kind: 'not_found', reason: 'MULTIPART_NOT_FOUND' };
        const findsNothing = (call: Promise<unknown>) => expect(call).rejects.toMatchObject(missing);
        const none = ['../../etc', '..', '', 'no-such-id'].map((id) => [key, id] as const);
        for (const [otherKey, otherId] of [[`${key}x`, uploadId] as const, ...none]) {
          await findsNothing(store.putPart(otherKey, otherId, 1, Buffer.from('x'), 1));
          await findsNothing(store.listParts(otherKey, otherId));
          await findsNothing(store.completeMultipart(otherKey, otherId, [{ partNumber: 1, etag }]));
          await store.abortMultipart(otherKey, otherId);
        }
        expect(await store.listParts(key, uploadId)).toHaveLength(1);
        await store.abortMultipart(key, uploadId);
      });

      test('an object is served while its next version is uploaded', async () => {
        const key = fresh();
        await store.put(key, Buffer.from('old'));
        const uploadId = await store.createMultipart(key);
        const { etag } = await store.putPart(key, uploadId, 1, Buffer.from('new one'), 7);
        expect((await read(key)).toString()).toBe('old');
        await delay(1);
        await store.completeMultipart(key, uploadId, [{ partNumber: 1, etag }]);
        expect((await read(key)).toString()).toBe('new one');
      });
    });
  });
}
