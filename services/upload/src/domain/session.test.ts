import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { UploadMethod, UploadSpecSchema, UploadState } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dueTime } from './due.ts';
import { leaseReleased, leaseTaken } from './lease.ts';
import { partSizeFor } from './part-size.ts';
import { isWhole, newSession, type Session } from './session.ts';
import {
  checksumRead,
  completed,
  failed,
  failureDecided,
  importBegun,
  isOver,
  partStored,
  sizeDeclared,
  tailStored,
  wholeReceived,
  writersShutOut,
} from './transitions.ts';

const now = new Date('2026-01-01T00:00:00Z');
const partSizeBytes = 8;
const failure = create(FailureSchema, { reason: 'UPLOAD_CANCELLED' });

const fresh = (sizeBytes: number | undefined, method: UploadMethod = UploadMethod.TUS): Session =>
  newSession({
    id: `upl_${'0'.repeat(32)}`,
    method,
    spec: create(UploadSpecSchema),
    sizeBytes,
    partSizeBytes,
    expireTime: new Date(now.getTime() + 1000),
    now,
    trace: {},
  });

type Step = (session: Session) => Session | undefined;

const steps: Record<string, Step> = {
  take: (session) => leaseTaken(session, now.getTime(), 10),
  takeLater: (session) => leaseTaken(session, now.getTime() + 1000, 10),
  release: leaseReleased,
  part(session) {
    const partNumber = session.lastPartNumber + 1;
    return receiving(session, (so) =>
      partStored(so, 'm', { partNumber, etag: 'e', sizeBytes: partSizeBytes }, now),
    );
  },
  piece: (session) =>
    receiving(session, (so) => tailStored(so, [...so.tail, { key: 'k', sizeBytes: 3 }], now)),
  declare: (session) => sizeDeclared(session, Number(session.upload.offsetBytes), now),
  whole: (session) => wholeReceived(session, now),
  complete: (session) => completed(session, 'ab', now),
  decideFailure: (session) => failureDecided(session, failure, now),
  fail: (session) => failed(session, now),
  shutOut: writersShutOut,
  restartImport: (session) => receiving(session, (so) => importBegun(so, now)),
};

/** Writers store only what is being received: the store's fence sees to the rest. */
function receiving(session: Session, change: (session: Session) => Session): Session | undefined {
  return session.upload.state === UploadState.RECEIVING && !session.failing ? change(session) : undefined;
}

const isState = (session: Session, ...states: UploadState[]) => states.includes(session.upload.state);

test('whatever happens in whatever order, a session ends at most once and never without its bytes', () => {
  const names = fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 40 });
  fc.assert(
    fc.property(names, fc.option(fc.nat({ max: 40 }), { nil: undefined }), (sequence, sizeBytes) => {
      let session = fresh(sizeBytes);
      for (const name of sequence) {
        const before = session;
        try {
          session = steps[name]?.(session) ?? session;
        } catch (error) {
          expect(error).toBeInstanceOf(KerkisError);
          continue;
        }
        expect(session.epoch).toBeGreaterThanOrEqual(before.epoch);
        if (isOver(before)) expect(session.upload.state).toBe(before.upload.state);
        if (isState(session, UploadState.COMPLETED) && !isOver(before)) {
          expect(before.upload.state).toBe(UploadState.VERIFYING);
          expect(before.failing).toBeUndefined();
          expect(isWhole(session)).toBe(true);
        }
        if (isState(session, UploadState.VERIFYING)) expect(isWhole(session)).toBe(true);
        if (isState(session, UploadState.FAILED) && !isOver(before)) {
          expect(before.failing).toBeDefined();
          expect(session.parts).toEqual([]);
        }
        const stored = [...session.parts, ...session.tail].reduce((sum, each) => sum + each.sizeBytes, 0);
        if (!isState(session, UploadState.FAILED)) expect(Number(session.upload.offsetBytes)).toBe(stored);
        const numbers = session.parts.map(({ partNumber }) => partNumber);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        expect(session.lastPartNumber).toBeGreaterThanOrEqual(numbers.at(-1) ?? 0);
      }
    }),
    { numRuns: 500 },
  );
});

test('a writer that vanished costs its successor one part number; one that gave back costs none', () => {
  const vanished = leaseTaken(fresh(100), now.getTime(), 10);
  expect(leaseTaken(vanished, now.getTime() + 20, 10)).toMatchObject({ epoch: 2, lastPartNumber: 1 });
  expect(leaseTaken(leaseReleased(vanished), now.getTime(), 10)).toMatchObject({
    epoch: 2,
    lastPartNumber: 0,
  });
  expect(() => leaseTaken(vanished, now.getTime() + 5, 10)).toThrow(
    expect.objectContaining({ reason: 'UPLOAD_BUSY' }),
  );
});

test('parts never need more numbers than S3 has', () => {
  const mebibyte = 1024 * 1024;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 * 1024 ** 4 }), (sizeBytes) => {
      const size = partSizeFor(sizeBytes, 16 * mebibyte);
      expect(size % mebibyte).toBe(0);
      expect(Math.ceil(sizeBytes / size)).toBeLessThanOrEqual(9000);
    }),
  );
  expect(partSizeFor(100, 16 * mebibyte)).toBe(16 * mebibyte);
});

test('when somebody should look after it', () => {
  const part = { partNumber: 1, etag: 'e', sizeBytes: partSizeBytes };
  const patience = { staleMs: 100, keepFailedMs: 5000 };
  const due = (session: Session) => (dueTime(session, patience)?.getTime() ?? Number.NaN) - now.getTime();
  const owned = (session: Session): Session => ({
    ...session,
    upload: { ...session.upload, assetId: 'ast' },
  });
  expect(due(fresh(5))).toBe(100);
  expect(due(owned(fresh(5)))).toBe(1000);
  expect(due(owned(fresh(5, UploadMethod.STREAM)))).toBe(100);
  expect(due(leaseTaken(owned(fresh(5, UploadMethod.IMPORT)), now.getTime(), 50))).toBe(150);
  const decided = failureDecided(owned(fresh(5)), failure, now) ?? fresh(5);
  const ended = failed(decided, now) ?? decided;
  expect([due(decided), due(ended), due({ ...ended, settled: true })]).toEqual([100, 100, 5000]);
  const whole = wholeReceived(sizeDeclared(partStored(owned(fresh(undefined)), 'm', part, now), 8, now), now);
  const unread = completed(whole, '', now) ?? whole;
  const settled = { ...unread, settled: true };
  expect([due(leaseTaken(unread, now.getTime(), 50)), due(leaseTaken(settled, now.getTime(), 50))]).toEqual([
    100, 150,
  ]);
  for (const sha256 of ['ab', undefined]) {
    const read = checksumRead(settled, sha256, now) ?? settled;
    expect([due(read), checksumRead(read, 'cd', now)]).toEqual([Number.NaN, undefined]);
  }
});
