import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, type S3Server, startS3 } from '@kerkis/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FaultyProxy, refuse, startFaultyProxy } from '../../test/faulty-proxy.ts';
import { type ObjectStore, openObjectStore, type S3StoreOptions } from '../index.ts';

const mebibyte = 1024 * 1024;
const unavailable = { kind: 'unavailable', reason: 'STORAGE_UNAVAILABLE' };
let server: S3Server;
let proxy: FaultyProxy;
let store: ObjectStore;

beforeAll(async () => {
  server = await startS3();
  proxy = await startFaultyProxy(server.endpoint);
});

beforeEach(async () => {
  proxy.fault = () => false;
  store = await open();
  return async () => await store[Symbol.asyncDispose]();
});

afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function open(changes: Partial<S3StoreOptions> = {}): Promise<ObjectStore> {
  const { region, bucket, accessKeyId, secretAccessKey } = server;
  const options = { endpoint: proxy.endpoint, region, bucket, accessKeyId, secretAccessKey, ...changes };
  return await openObjectStore({ kind: 's3', ...options });
}

async function* stream(sizeBytes: number, chunkBytes = mebibyte) {
  for (let sent = 0; sent < sizeBytes; sent += chunkBytes) {
    yield Buffer.alloc(Math.min(chunkBytes, sizeBytes - sent), 7);
  }
}

async function uploadTwoParts(key: string) {
  const uploadId = await store.createMultipart(key);
  const parts = [];
  for (const [index, sizeBytes] of [5 * mebibyte, 1].entries()) {
    const part = await store.putPart(key, uploadId, index + 1, Buffer.alloc(sizeBytes), sizeBytes);
    parts.push({ partNumber: index + 1, ...part });
  }
  return { uploadId, parts };
}

const isCompletion = (incoming: { method?: string | undefined; url?: string | undefined }) =>
  incoming.method === 'POST' && (incoming.url ?? '').includes('uploadId=');

test('a server without conditional puts is asked first', async () => {
  let refusals = 0;
  proxy.fault = (incoming, response) => {
    if (incoming.headers['if-none-match'] === undefined) return false;
    refusals += 1;
    return refuse(incoming, response, 501, 'NotImplemented');
  };
  await store.put('absent/large', stream(9 * mebibyte), { ifAbsent: true });
  await store.put('absent/small', Buffer.from('x'), { ifAbsent: true });
  for (const key of ['absent/large', 'absent/small']) {
    await expect(store.put(key, stream(9 * mebibyte), { ifAbsent: true })).rejects.toMatchObject({
      reason: 'OBJECT_EXISTS',
    });
  }
  expect(await store.head('absent/large')).toMatchObject({ sizeBytes: 9 * mebibyte });
  expect(refusals).toBe(1);
});

test('a put that meets another one is tried again', async () => {
  let conflicts = 0;
  proxy.fault = (incoming, response) => {
    if (incoming.method !== 'PUT' || conflicts === 2) return false;
    conflicts += 1;
    return refuse(incoming, response, 409, 'ConditionalRequestConflict');
  };
  await store.put('conflict', Buffer.from('x'), { ifAbsent: true });
  expect(conflicts).toBe(2);
});

test.each([
  [400, 'MissingContentMD5'],
  [501, 'NotImplemented'],
])('a server that answers DeleteObjects with %i gets single deletes', async (status, code) => {
  proxy.fault = (incoming, response) =>
    incoming.method === 'POST' && refuse(incoming, response, status, code);
  for (let index = 0; index < 20; index += 1) await store.put(`bulk/${index}`, Buffer.from('x'));
  expect(await store.deletePrefix('bulk/')).toBe(20);
  for await (const { key } of store.list('bulk/')) expect.fail(`${key} is left`);
});

test('an empty ETag of a completion is looked up', async () => {
  proxy.fault = async (incoming, response, pass) => {
    if (!isCompletion(incoming)) return false;
    const answer = await pass();
    const xml = (await buffer(answer)).toString().replace(/<ETag>.*<\/ETag>/, '<ETag></ETag>');
    expect(xml).toContain('<ETag></ETag>');
    response.writeHead(200, { 'content-type': 'application/xml' }).end(xml);
    return true;
  };
  const { uploadId, parts } = await uploadTwoParts('empty-etag');
  const done = await store.completeMultipart('empty-etag', uploadId, parts);
  expect(done.etag).toMatch(/\w/);
  expect(done).toEqual({ etag: (await store.head('empty-etag'))?.etag, sizeBytes: 5 * mebibyte + 1 });
});

test('an error inside of a 200 is an error, and the completion can be done again', async () => {
  await using once = await open({ maxAttempts: 1 });
  proxy.fault = (incoming, response) =>
    isCompletion(incoming) && refuse(incoming, response, 200, 'InternalError');
  const { uploadId, parts } = await uploadTwoParts('error-in-200');
  await expect(once.completeMultipart('error-in-200', uploadId, parts)).rejects.toMatchObject(unavailable);
  proxy.fault = () => false;
  expect(await once.head('error-in-200')).toBeUndefined();
  await once.completeMultipart('error-in-200', uploadId, parts);
});

test('a completion that names the sizes of its parts asks for nothing else', async () => {
  const { uploadId, parts } = await uploadTwoParts('sizes-named');
  const asked: string[] = [];
  proxy.fault = (incoming) => {
    asked.push(incoming.method ?? '');
    return false;
  };
  const named = parts.map((part, index) => ({ ...part, sizeBytes: [5 * mebibyte, 1][index] }));
  await store.completeMultipart('sizes-named', uploadId, named);
  expect(asked).toEqual(['POST', 'HEAD']);
});

test('a completion whose answer is lost is done', async () => {
  let completions = 0;
  proxy.fault = async (incoming, response, pass) => {
    if (!isCompletion(incoming)) return false;
    completions += 1;
    if (completions > 1) return false;
    await buffer(await pass());
    response.destroy();
    return true;
  };
  const { uploadId, parts } = await uploadTwoParts('lost-answer');
  const done = await store.completeMultipart('lost-answer', uploadId, parts);
  expect(done.sizeBytes).toBe(5 * mebibyte + 1);
  expect(completions).toBe(2);
});

test('an object that is not the sum of its parts is damage', async () => {
  proxy.fault = async (incoming, response) => {
    if (!isCompletion(incoming)) return false;
    incoming.resume();
    const xml = '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>';
    response.writeHead(200, { 'content-type': 'application/xml' }).end(xml);
    return true;
  };
  const { uploadId, parts } = await uploadTwoParts('never-made');
  await expect(store.completeMultipart('never-made', uploadId, parts)).rejects.toMatchObject({
    kind: 'data_loss',
    reason: 'OBJECT_DAMAGED',
  });
});

test.each([
  [507, 'InsufficientStorage'],
  [403, 'QuotaExceeded'],
])('%i %s is a full storage', async (status, code) => {
  await using once = await open({ maxAttempts: 1 });
  proxy.fault = (incoming, response) => incoming.method === 'PUT' && refuse(incoming, response, status, code);
  const full = { kind: 'exhausted', reason: 'STORAGE_FULL' };
  await expect(once.put('full', Buffer.from('x'))).rejects.toMatchObject(full);
  await expect(once.put('full', stream(9 * mebibyte))).rejects.toMatchObject(full);
  await expect(once.put('full', stream(9 * mebibyte), { sizeBytes: 9 * mebibyte })).rejects.toMatchObject(
    full,
  );
  expect(await once.head('full')).toBeUndefined();
  for await (const { key } of once.listMultiparts('full')) expect.fail(`${key} is left`);
});

test('what is overloaded is asked again', async () => {
  let refusals = 0;
  proxy.fault = (incoming, response) => {
    refusals += 1;
    return refusals <= 2 && refuse(incoming, response, 503, 'SlowDown');
  };
  await store.put('retried', Buffer.from('x'));
  expect(refusals).toBe(3);
});

test('a body that is cut short fails', async () => {
  await store.put('cut', stream(4 * mebibyte));
  proxy.fault = async (incoming, response, pass) => {
    if (incoming.method !== 'GET') return false;
    const answer = await pass();
    response.writeHead(200, answer.headers);
    for await (const chunk of answer) {
      response.write(chunk, () => response.destroy());
      break;
    }
    return true;
  };
  const { body } = await store.get('cut');
  await expect(buffer(body)).rejects.toMatchObject(unavailable);
  await expect(store.getBytes('cut', { maxBytes: 4 * mebibyte })).rejects.toMatchObject(unavailable);
});

test('a range that the server ignores is an error', async () => {
  proxy.fault = (incoming, response) => {
    incoming.resume();
    response.writeHead(200, { 'content-length': 10 }).end('0123456789');
    return true;
  };
  await expect(store.get('ignored', { range: { start: 1, end: 2 } })).rejects.toMatchObject({
    reason: 'STORAGE_RANGE_IGNORED',
  });
  const { body } = await store.get('ignored', { range: { start: 0 } });
  expect(await buffer(body)).toHaveLength(10);
});

test('silence and a closed port are an unavailable storage', async () => {
  await using impatient = await open({ idleTimeoutMs: 100, maxAttempts: 1 });
  proxy.fault = () => true;
  await expect(impatient.head('a')).rejects.toMatchObject(unavailable);
  await expect(impatient.ping()).rejects.toMatchObject(unavailable);
  await using closed = await open({ endpoint: `http://127.0.0.1:${await freePort()}`, maxAttempts: 2 });
  await expect(closed.put('a', Buffer.from('x'))).rejects.toMatchObject(unavailable);
  await expect(closed.get('a')).rejects.toMatchObject(unavailable);
});

test('a stream of unknown size is held part by part, not as a whole', async () => {
  const before = proxy.receivedBytes();
  let producedBytes = 0;
  let mostAheadBytes = 0;
  async function* counted() {
    for await (const chunk of stream(64 * mebibyte)) {
      producedBytes += chunk.length;
      mostAheadBytes = Math.max(mostAheadBytes, producedBytes - (proxy.receivedBytes() - before));
      yield chunk;
    }
  }
  await store.put('bounded', counted());
  expect(await store.head('bounded')).toMatchObject({ sizeBytes: 64 * mebibyte });
  expect(mostAheadBytes).toBeLessThanOrEqual(16 * mebibyte);
});

test('connections are bounded and reused', async () => {
  await using counting = await startFaultyProxy(server.endpoint);
  await using narrow = await open({ endpoint: counting.endpoint, maxSockets: 2 });
  await Promise.all(
    Array.from({ length: 12 }, (_, index) => narrow.put(`narrow/${index}`, Buffer.alloc(3 * mebibyte))),
  );
  expect(counting.requests()).toBe(12);
  expect(counting.mostConnections()).toBeLessThanOrEqual(2);
  // Bodies that are given up give their connection back.
  for (let index = 0; index < 6; index += 1) {
    const { body } = await narrow.get(`narrow/${index}`);
    body.destroy();
  }
  expect(await narrow.getBytes('narrow/0', { maxBytes: 3 * mebibyte })).toHaveLength(3 * mebibyte);
});

test('the source of an aborted put is let go', async () => {
  proxy.fault = (incoming, response) =>
    incoming.method === 'PUT' && refuse(incoming, response, 403, 'AccessDenied');
  let isReleased = false;
  async function* endless() {
    try {
      for (;;) {
        yield Buffer.alloc(mebibyte);
        await delay(1);
      }
    } finally {
      isReleased = true;
    }
  }
  await expect(store.put('denied', endless(), { sizeBytes: 1024 * mebibyte })).rejects.toMatchObject({
    reason: 'STORAGE_ACCESS_DENIED',
  });
  await expect.poll(() => isReleased).toBe(true);
});
