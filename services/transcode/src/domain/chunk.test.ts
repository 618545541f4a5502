import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { ChunkState } from '@kerkis/contracts/transcode';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exampleChunk } from '../../test/example-plan.ts';
import {
  abandoned,
  attemptFailed,
  type ChunkRecord,
  cancelled,
  claimed,
  dropped,
  finished,
  handedBack,
  hurried,
  isLeased,
  mayStillWrite,
  noProgress,
  queued,
  released,
  renewed,
  requeued,
} from './chunk.ts';

const leaseMs = 1_000;
const maxAttempts = 3;
const failure = create(FailureSchema, { reason: 'FFMPEG_FAILED' });
const ended: readonly ChunkState[] = [ChunkState.FINISHED, ChunkState.DEAD, ChunkState.CANCELLED];

/** What may happen to a chunk; `epoch` is any that was ever given out, so also one that was lost long ago. */
const operations = {
  queue: (record: ChunkRecord, now: Date) => queued(record, now),
  look: (record: ChunkRecord, now: Date) => requeued(record, now),
  hurry: (record: ChunkRecord, now: Date) => hurried(record, now),
  claim: (record: ChunkRecord, now: Date) => claimed(record, { workerId: 'wrk_1', leaseMs, now }),
  renew: (record: ChunkRecord, now: Date, epoch: bigint) =>
    renewed(record, epoch, { progress: noProgress, leaseMs, now }),
  finish: (record: ChunkRecord, now: Date, epoch: bigint) => finished(record, epoch, { measured: {} }, now),
  fail: (record: ChunkRecord, now: Date, epoch: bigint) =>
    attemptFailed(record, epoch, { failure, isFinal: record.chunk.attempts >= maxAttempts, now }),
  handBack: (record: ChunkRecord, now: Date, epoch: bigint) => handedBack(record, epoch, now),
  drop: (record: ChunkRecord, now: Date, epoch: bigint) => dropped(record, epoch, now),
  abandon: (record: ChunkRecord, now: Date) => abandoned(record, { maxAttempts, failure, now }),
  cancel: (record: ChunkRecord, now: Date) => cancelled(record, now),
  release: (record: ChunkRecord, now: Date, epoch: bigint) => released(record, epoch, now),
};
type Operation = keyof typeof operations;

const step = fc.record({
  operation: fc.constantFrom(...(Object.keys(operations) as Operation[])),
  passMs: fc.constantFrom(0, 10, leaseMs, 3 * leaseMs),
  age: fc.nat(3),
});

test('no sequence of operations lets two epochs commit, undoes an end, or tries too often', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let record = exampleChunk();
      let nowMs = Date.now();
      const commits: bigint[] = [];
      for (const { operation, passMs, age } of steps) {
        nowMs += passMs;
        const now = new Date(nowMs);
        const epoch = record.chunk.epoch - BigInt(age);
        const next = operations[operation](record, now, epoch);
        if (!next) continue;
        if (operation === 'finish') commits.push(epoch);
        if (operation === 'claim') {
          expect(isLeased(record, now)).toBe(false);
          expect(next.chunk.epoch).toBeGreaterThan(record.chunk.epoch);
        }
        if (ended.includes(record.chunk.state)) expect(next.chunk.state).toBe(record.chunk.state);
        expect(next.chunk.epoch).toBeGreaterThanOrEqual(record.chunk.epoch);
        expect(next.chunk.attempts).toBeGreaterThanOrEqual(0);
        expect(next.chunk.attempts).toBeLessThanOrEqual(maxAttempts);
        // Nobody writes unless the record says until when.
        if (next.chunk.state === ChunkState.RUNNING) expect(next.chunk.leaseExpireTime).toBeDefined();
        else if (next.chunk.state !== ChunkState.CANCELLED) expect(mayStillWrite(next, now)).toBe(false);
        record = next;
      }
      expect(commits.length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 2_000 },
  );
});

test('a chunk whose worker is lost is always given out again, until it is dead', () => {
  let record = exampleChunk();
  let nowMs = Date.now();
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const taken = claimed(record, { workerId: 'wrk_1', leaseMs, now: new Date(nowMs) });
    if (!taken) throw new Error(`attempt ${attempt} was not given out`);
    expect(abandoned(taken, { maxAttempts, failure, now: new Date(nowMs) })).toBeUndefined();
    nowMs += leaseMs;
    // Only the reconciler, which counts, takes it from a silent worker.
    expect(claimed(taken, { workerId: 'wrk_2', leaseMs, now: new Date(nowMs) })).toBeUndefined();
    record = abandoned(taken, { maxAttempts, failure, now: new Date(nowMs) }) ?? taken;
  }
  expect(record.chunk).toMatchObject({ state: ChunkState.DEAD, failure: { reason: 'FFMPEG_FAILED' } });
});

test('a slot that lost the chunk frees no lease of another slot of the same worker', () => {
  const now = new Date();
  const take = (record: ChunkRecord, at: Date) =>
    claimed(record, { workerId: 'wrk_1', leaseMs, now: at }) ?? record;
  const first = take(exampleChunk(), now);
  const later = new Date(now.getTime() + leaseMs);
  const second = take(abandoned(first, { maxAttempts, failure, now: later }) ?? first, later);
  const over = cancelled(second, later) ?? second;
  expect(released(over, first.chunk.epoch, later)).toBeUndefined();
  expect(mayStillWrite(over, later)).toBe(true);
  const freed = released(over, second.chunk.epoch, later);
  expect(freed && mayStillWrite(freed, later)).toBe(false);
});
