import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ChunkState } from '@kerkis/contracts/transcode';
import { KerkisError } from '@kerkis/errors';
import { startTelemetry } from '@kerkis/telemetry';
import { waitUntil } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import { exampleChunk, runningJob } from '../../test/example-plan.ts';
import { noSource } from '../../test/no-source.ts';
import { type ChunkRecord, noProgress } from '../domain/chunk.ts';
import type { ChunkStore } from '../store/chunks.ts';
import { encodeChunk } from './encode-chunk.ts';
import { holdLease } from './lease.ts';

const telemetry = startTelemetry({ serviceName: 'test', version: '0', sampleRatio: 1, logLevel: 'silent' });
afterAll(() => telemetry[Symbol.asyncDispose]());
const { logger } = telemetry.forService('test');

function taken(leaseMs: number): ChunkRecord {
  const record = exampleChunk();
  const leaseExpireTime = timestampFromDate(new Date(Date.now() + leaseMs));
  return { ...record, chunk: { ...record.chunk, state: ChunkState.RUNNING, epoch: 1n, leaseExpireTime } };
}

const hold = (changeChunk: ChunkStore['changeChunk'], record: ChunkRecord, leaseMs: number) =>
  holdLease({ chunks: { changeChunk }, logger, leaseMs, renewMs: 5 }, record, () => noProgress);

test('a lease ends by the clock, although its renewal never comes back or fails each time', async () => {
  for (const changeChunk of [
    () => new Promise<never>(() => {}),
    () => Promise.reject(new KerkisError('unavailable', 'DATABASE_UNAVAILABLE', 'Not now.')),
  ]) {
    using lease = hold(changeChunk, taken(60), 60);
    lease.assertHeld();
    await waitUntil(() => lease.lost.aborted);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ reason: 'LEASE_LOST' }));
  }
});

test('what was frozen past its lease finds out before it writes, not at the next renewal', () => {
  using lease = hold(() => new Promise<never>(() => {}), taken(-1), 60_000);
  expect(lease.lost.aborted).toBe(false);
  expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ reason: 'LEASE_LOST' }));
});

test('a lease that is renewed goes on, and is lost with its epoch', async () => {
  // Long enough for a machine under load to renew it in time, short enough to be outlived.
  const leaseMs = 1_000;
  let record = taken(leaseMs);
  let renewals = 0;
  using lease = hold(
    async (_id, change) => {
      const next = change(record)?.record;
      if (next) renewals++;
      record = next ?? record;
      return next;
    },
    record,
    leaseMs,
  );
  await new Promise((wait) => setTimeout(wait, 1.5 * leaseMs));
  expect(renewals).toBeGreaterThan(1);
  expect(lease.lost.aborted).toBe(false);
  record = { ...record, chunk: { ...record.chunk, epoch: 2n } };
  await waitUntil(() => lease.lost.aborted);
});

test('an encoding that is stopped is over only when its last write is', async () => {
  const { job, chunks } = runningJob({ seconds: 4, hasVideo: true, hasAudio: false, segmentMs: 1000 });
  const { promise: slowStore, resolve } = Promise.withResolvers<void>();
  const leaving = new AbortController();
  let puts = 0;
  const { done } = encodeChunk(
    {
      objects: {
        put: async () => {
          puts++;
          await slowStore;
          return { etag: '"x"', sizeBytes: 1 };
        },
        getBytes: async () => Buffer.alloc(0),
        head: async () => undefined,
      },
      onStored: () => {},
      early: { pathOf: async () => '', take: async () => undefined },
      sources: noSource,
      encoder: {
        async *encode(plan, _unit, { signal }) {
          const part = {
            rung: plan.ladder.video[0]?.name ?? '',
            kind: 'init',
            bytes: Buffer.alloc(1),
          } as const;
          yield* [part, part, part];
          await new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason)),
          );
        },
      },
    },
    job,
    chunks[0] ?? exampleChunk(),
    { priority: 'later', signal: leaving.signal, assertHeld: () => {} },
  );
  let isOver = false;
  const ended = done.then(
    () => {},
    () => {
      isOver = true;
    },
  );
  await waitUntil(() => puts === 3);
  leaving.abort();
  await new Promise((wait) => setTimeout(wait, 30));
  expect(isOver).toBe(false);
  resolve();
  await ended;
  expect(isOver).toBe(true);
});
