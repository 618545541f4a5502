// What workers held that are gone, on real stores: when it is given out again, and when it is not.
import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import { openDatabase } from '@kerkis/documents';
import { startTelemetry } from '@kerkis/telemetry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChunkRecord, cancelled, claimed, mayStillWrite, renewed } from '../src/domain/chunk.ts';
import { takeBackLost } from '../src/planner/take-back.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { exampleChunk } from './example-plan.ts';

const leaseMs = 60_000;
let stack: AsyncDisposableStack;
let chunks: ReturnType<typeof chunkStore>;
let published: string[];

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  chunks = chunkStore(stack.use(await openDatabase({ url: 'sqlite::memory:' })));
  published = [];
});
afterEach(() => stack.disposeAsync());

async function look(silentForMs: number, maxAttempts = 3): Promise<number> {
  await using telemetry = startTelemetry({
    serviceName: 'transcode',
    version: '0',
    sampleRatio: 1,
    logLevel: 'silent',
  });
  return await takeBackLost(
    {
      chunks,
      workers: { silentForMs: () => silentForMs },
      publish: async ({ chunk }, tryId) => void published.push(`${chunk.id} ${tryId}`),
      maxAttempts,
      logger: telemetry.forService('transcode').logger,
    },
    AbortSignal.timeout(30_000),
  );
}

/** A chunk that a worker holds, of which nothing was seen for so long. */
async function held(silentMs: number, kind = ChunkClass.BULK): Promise<ChunkRecord> {
  const record = exampleChunk({ class: kind });
  await chunks.addChunk(record);
  const now = new Date(Date.now() - silentMs);
  const taken = await chunks.changeChunk(record.chunk.id, (current) => {
    const next = claimed(current, { workerId: 'wrk_1', leaseMs, now });
    return next && { record: next };
  });
  if (!taken) throw new Error('the chunk can be taken');
  return taken;
}

const stateOf = async ({ chunk }: ChunkRecord) => (await chunks.getChunk(chunk.id)).chunk.state;

test('a silent worker loses what it holds, first what somebody waits for', async () => {
  const [urgent, head, bulk, young] = [
    await held(3_000, ChunkClass.URGENT),
    await held(3_000, ChunkClass.HEAD),
    await held(6_000),
    await held(1_000, ChunkClass.URGENT),
  ];
  expect(await look(3_000)).toBe(1);
  expect(await look(6_000)).toBe(1);
  expect(published).toEqual([`${urgent.chunk.id} 2`, `${bulk.chunk.id} 2`]);
  const states = await Promise.all([urgent, head, bulk, young].map(stateOf));
  const { QUEUED, RUNNING } = ChunkState;
  expect(states).toEqual([QUEUED, RUNNING, QUEUED, RUNNING]);
  const late = { progress: { stored: {}, speed: 1 }, leaseMs, now: new Date() };
  expect(renewed(await chunks.getChunk(bulk.chunk.id), bulk.chunk.epoch, late)).toBeUndefined();
});

test('a worker that can be heard keeps what it holds until its lease is over', async () => {
  const slow = await held(leaseMs - 10_000);
  const over = await held(leaseMs + 1_000);
  expect(await look(0)).toBe(1);
  expect(await Promise.all([slow, over].map(stateOf))).toEqual([ChunkState.RUNNING, ChunkState.QUEUED]);
});

test('nothing is deleted under a worker that comes back, until the lease it had is over', async () => {
  const { chunk } = await held(6_000);
  await look(6_000);
  const again = await chunks.changeChunk(chunk.id, (current) => {
    const taken = claimed(current, { workerId: 'wrk_2', leaseMs: 1, now: new Date(Date.now() - 10) });
    const next = taken && cancelled(taken, new Date());
    return next && { record: next };
  });
  if (!again) throw new Error('it was in the queue');
  expect(mayStillWrite(again, new Date())).toBe(true);
  expect(mayStillWrite(again, new Date(Date.now() + leaseMs))).toBe(false);
});

test('what brings down each worker that takes it is dead at last', async () => {
  const { chunk } = await held(6_000);
  await chunks.changeChunk(chunk.id, (current) => ({
    record: { ...current, chunk: { ...current.chunk, attempts: 4 } },
  }));
  await look(6_000, 1);
  expect((await chunks.getChunk(chunk.id)).chunk).toMatchObject({
    state: ChunkState.DEAD,
    failure: { reason: 'WORKER_LOST' },
  });
  expect(published).toEqual([]);
});
