import { createHash, randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { UploadMethod, UploadSpecSchema } from '@kerkis/contracts/upload';
import { openDatabase } from '@kerkis/documents';
import { isKerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { openObjectStore } from '@kerkis/objects';
import { tempDir } from '@kerkis/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { leaseTaken } from '../domain/lease.ts';
import { newSession, type Session, sourceKey } from '../domain/session.ts';
import { assetKnown, sizeDeclared } from '../domain/transitions.ts';
import { type ByteSink, openByteSink } from '../intake/byte-sink.ts';
import { type SessionStore, sessionStore } from '../store/sessions.ts';
import { createSourceHashes, type HashedObjects, type SourceHashes } from './source-hashes.ts';

const partSizeBytes = 5000;
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let objects: Awaited<ReturnType<typeof openObjectStore>>;
let sessions: SessionStore;
beforeAll(async () => {
  const { path: directory } = stack.use(await tempDir('hashes'));
  objects = stack.use(await openObjectStore({ kind: 'filesystem', directory }));
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  sessions = sessionStore(database, { staleMs: 1000, keepFailedMs: 1000 });
});

async function opened(): Promise<string> {
  const now = new Date();
  const id = newId('upl');
  const spec = create(UploadSpecSchema);
  const times = { expireTime: new Date(now.getTime() + 60_000), now };
  const session = newSession({ id, method: UploadMethod.TUS, spec, partSizeBytes, trace: {}, ...times });
  await sessions.addSession(assetKnown(session, newId('ast'), '', now));
  return id;
}

interface Writer {
  readonly sink: ByteSink;
  /** As a writer ends when it cannot go on. */
  readonly giveUp: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Takes the session away from whoever has it, as when its lease has run out. */
async function writer(hashes: SourceHashes, uploadId: string, atomic = false): Promise<Writer> {
  const taken = await sessions.changeSession(uploadId, (session) => ({
    session: leaseTaken(session.lease ? { ...session, lease: { untilMs: 0 } } : session, Date.now(), 10_000),
  }));
  const hash = hashes.join(taken);
  const dependencies = { objects, sessions, maxSizeBytes: 1e9, ttlMs: 60_000 };
  const sink = openByteSink(dependencies, taken, { atomic, hash });
  return {
    sink,
    async giveUp() {
      await sink.discard().catch(() => undefined);
      hash.end();
    },
    async close() {
      await sink.close();
      hash.end();
    },
  };
}

/** Makes the object of what the record counts, and the SHA-256 of it by reading. */
async function finished(uploadId: string): Promise<{ session: Session; sha256: string }> {
  let session = await sessions.changeSession(uploadId, (so) => {
    const whole = sizeDeclared(so, Number(so.upload.offsetBytes), new Date());
    return { session: leaseTaken({ ...whole, lease: undefined }, Date.now(), 10_000) };
  });
  await openByteSink({ objects, sessions, maxSizeBytes: 1e9, ttlMs: 60_000 }, session).storeTailAsPart();
  session = (await sessions.findSession(uploadId)) ?? session;
  await objects.completeMultipart(sourceKey(session), session.multipartId, session.parts);
  const bytes = await objects.getBytes(sourceKey(session), { maxBytes: 1e9 });
  expect(bytes.length).toBe(Number(session.upload.sizeBytes));
  return { session, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** An object store that gives no parts before the object is complete, as S3. */
const withoutParts = (): HashedObjects => ({ get: (key, options) => objects.get(key, options) });
const signal = AbortSignal.timeout(60_000);

test('bytes that all pass by need no reading, in however many requests they come', async () => {
  await using hashes = createSourceHashes(withoutParts());
  const uploadId = await opened();
  for (const sizeBytes of [3, 12_345, partSizeBytes, 1]) {
    const { sink, close } = await writer(hashes, uploadId);
    await sink.write(randomBytes(sizeBytes));
    await close();
  }
  const { session, sha256 } = await finished(uploadId);
  expect(hashes.missingBytes(session)).toBe(0);
  await objects.delete(sourceKey(session));
  expect(await hashes.finish(session, signal)).toEqual({
    sha256,
    sizeBytes: Number(session.upload.sizeBytes),
  });
});

test('what another process received is read while the next bytes come', async () => {
  await using first = createSourceHashes(objects);
  await using second = createSourceHashes(objects);
  const uploadId = await opened();
  const begun = await writer(first, uploadId);
  await begun.sink.write(randomBytes(3 * partSizeBytes + 100));
  await begun.close();
  const next = await writer(second, uploadId);
  await next.sink.write(randomBytes(2 * partSizeBytes));
  const counted = (await sessions.getSession(uploadId)).upload.offsetBytes;
  await expect
    .poll(
      async () => {
        const sizeBytes = counted;
        const session = await sessions.getSession(uploadId);
        return second.missingBytes({ ...session, upload: { ...session.upload, sizeBytes } });
      },
      { timeout: 15_000 },
    )
    .toBeLessThanOrEqual(0);
  await next.close();
  const { session, sha256 } = await finished(uploadId);
  expect((await second.finish(session, signal)).sha256).toBe(sha256);
  expect((await first.finish(session, signal)).sha256).toBe(sha256);
});

test('a writer that failed is followed without reading: the hash goes back to its last stored part', async () => {
  await using hashes = createSourceHashes(withoutParts());
  const uploadId = await opened();
  const failing = await writer(hashes, uploadId);
  await failing.sink.write(randomBytes(2 * partSizeBytes + 100));
  await failing.giveUp();
  const next = await writer(hashes, uploadId);
  await next.sink.write(randomBytes(300));
  await next.close();
  const { session, sha256 } = await finished(uploadId);
  expect(Number(session.upload.sizeBytes)).toBe(2 * partSizeBytes + 300);
  expect(hashes.missingBytes(session)).toBe(0);
  expect((await hashes.finish(session, signal)).sha256).toBe(sha256);
});

test('bytes of a writer that lost its session do not count, also when it is followed at the same replica', async () => {
  await using here = createSourceHashes(objects);
  await using there = createSourceHashes(objects);
  const uploadId = await opened();
  const frozen = await writer(here, uploadId, true);
  await frozen.sink.write(randomBytes(partSizeBytes + 1000));
  const other = await writer(there, uploadId);
  await other.sink.write(randomBytes(partSizeBytes + 2000));
  await other.close();
  const back = await writer(here, uploadId);
  await frozen.sink.write(randomBytes(10));
  await back.sink.write(randomBytes(500));
  await back.close();
  const { session, sha256 } = await finished(uploadId);
  expect((await here.finish(session, signal)).sha256).toBe(sha256);
});

test('an import that begins again brings other bytes', async () => {
  await using hashes = createSourceHashes(objects);
  const uploadId = await opened();
  const first = await writer(hashes, uploadId);
  await first.sink.write(randomBytes(100));
  await first.close();
  const session = await sessions.getSession(uploadId);
  const size = { ...session, upload: { ...session.upload, sizeBytes: 100n } };
  expect(hashes.missingBytes(size)).toBe(0);
  expect(hashes.missingBytes({ ...size, attempts: 1 })).toBe(100);
});

test('whoever writes, fails, comes too late or takes over, the hash is that of what is stored', async () => {
  const replica = fc.nat(2);
  const step = fc.oneof(
    fc.record({ do: fc.constant('open' as const), replica, atomic: fc.boolean() }),
    fc.record({
      do: fc.constant('write' as const),
      who: fc.nat(3),
      sizeBytes: fc.integer({ min: 1, max: 12_000 }),
    }),
    fc.record({ do: fc.constantFrom('close' as const, 'giveUp' as const), who: fc.nat(3) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), replica, async (steps, last) => {
      await using a = createSourceHashes(objects);
      await using b = createSourceHashes(objects);
      await using c = createSourceHashes(withoutParts());
      const replicas = [a, b, c];
      const uploadId = await opened();
      // The newest is first; the others have lost the session and do not know it yet.
      const writers: Writer[] = [];
      for (const each of steps) {
        try {
          if (each.do === 'open') {
            writers.unshift(await writer(replicas[each.replica] ?? a, uploadId, each.atomic));
          } else if (each.do === 'write') await writers[each.who]?.sink.write(randomBytes(each.sizeBytes));
          else {
            const [one] = writers.splice(each.who, 1);
            await one?.[each.do]();
          }
        } catch (error) {
          if (!isKerkisError(error)) throw error;
        }
      }
      const closing = await writer(a, uploadId);
      await closing.sink.write(randomBytes(77));
      await closing.close();
      const { session, sha256 } = await finished(uploadId);
      for (const hashes of [replicas[last] ?? a, ...replicas]) {
        expect((await hashes.finish(session, signal)).sha256).toBe(sha256);
      }
    }),
    { numRuns: 20 },
  );
}, 60_000);
