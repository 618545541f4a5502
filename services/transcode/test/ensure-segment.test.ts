// A segment that somebody waits for, on real stores: what is made for it, what it waits for, and how it fails.
import { create } from '@bufbuild/protobuf';
import { ArtefactsSchema, FailureSchema } from '@kerkis/contracts/media';
import { ChunkClass, ChunkState, JobState } from '@kerkis/contracts/transcode';
import { openDatabase } from '@kerkis/documents';
import { openObjectStore } from '@kerkis/objects';
import { tempDir, waitUntil } from '@kerkis/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attemptFailed, type ChunkRecord, claimed, finished, renewed } from '../src/domain/chunk.ts';
import {
  cancelled,
  failed,
  type JobRecord,
  finished as jobFinished,
  planned,
  restarted,
} from '../src/domain/job.ts';
import { planChunks } from '../src/domain/plan-chunks.ts';
import { segmentKey } from '../src/domain/segment-keys.ts';
import { addChunks } from '../src/planner/add-chunks.ts';
import { countJob } from '../src/planner/count-job.ts';
import { endJob } from '../src/planner/end-job.ts';
import { fillQueue } from '../src/planner/fill-queue.ts';
import { ensureSegment } from '../src/rpc/ensure-segment.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';
import { segmentWriter } from '../src/worker/store-segments.ts';
import { exampleJob, examplePlan } from './example-plan.ts';

const plan = examplePlan({ seconds: 200, hasVideo: true, hasAudio: true, segmentMs: 1000 });
const failure = create(FailureSchema, { reason: 'SOME_FAILURE' });
const change = <T>(record: T | undefined) => record && { record };
const [low, high] = ['video/h264-96p', 'video/h264-180p'];

let stack: AsyncDisposableStack;
let parts: Awaited<ReturnType<typeof openParts>>;
let published: ChunkRecord[];
let wake: () => void;

async function openParts() {
  const directory = stack.use(await tempDir());
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  const objects = stack.use(await openObjectStore({ kind: 'filesystem', directory: directory.path }));
  const listeners = new Set<() => void>();
  wake = () => {
    for (const listener of listeners) listener();
  };
  return {
    jobs: jobStore(database),
    chunks: chunkStore(database),
    objects,
    urgentSegments: 3,
    jobEnded: () => {},
    ladderDecided: () => {},
    publish: async (record: ChunkRecord) => void published.push(record),
    nextStored: (_key: string, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        listeners.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
  };
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  published = [];
  parts = await openParts();
});
afterEach(() => stack.disposeAsync());

async function running({ hasChunks = true } = {}): Promise<JobRecord> {
  const waiting = exampleJob();
  await parts.jobs.addJob(waiting);
  const record = await parts.jobs.changeJob(waiting.job.id, (current) =>
    change(planned(current, plan, { chunkSeconds: 10, chunkCount: planChunks(plan, 10).length }, new Date())),
  );
  if (!record) throw new Error('the job does not run');
  if (hasChunks) await addChunks(parts, record);
  return record;
}

/** Asks for a segment; `answer` is how the call ends. */
function ask({ job }: JobRecord, track: string, segment: number, timeoutMs = 20_000) {
  const request = { $typeName: 'kerkis.transcode.v1.EnsureSegmentRequest', track, segment } as const;
  const context = { signal: new AbortController().signal, timeoutMs: () => timeoutMs };
  const answer = ensureSegment(parts, { ...request, generationId: job.generationId }, context);
  answer.catch(() => {});
  return { answer };
}

const put = ({ job }: JobRecord, track: string, segment: number) =>
  parts.objects.put(segmentKey(job, track, segment), Buffer.from(`${segment}`));
const told = () =>
  published.map(({ chunk, extra }) => [extra, chunk.tracks.join(), chunk.firstSegment, chunk.segmentCount]);
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

function take({ chunk }: ChunkRecord, leaseMs = 60_000) {
  return parts.chunks.changeChunk(chunk.id, (current) =>
    change(claimed(current, { workerId: 'wrk_1', leaseMs, now: new Date() })),
  );
}

test('a seek makes a chunk of one segment, going on from there one of the next few, however many ask', async () => {
  const record = await running();
  const asked = [ask(record, high, 150), ask(record, high, 150)];
  await waitUntil(() => published.length > 0);
  asked.push(ask(record, high, 151));
  await waitUntil(() => published.length > 1);
  await settled();
  expect(told()).toEqual([
    [true, high, 150, 1],
    [true, high, 151, 3],
  ]);
  await put(record, high, 150);
  await put(record, high, 151);
  wake();
  const answers = await Promise.all(asked.map(({ answer }) => answer));
  expect(answers.map(({ objectKey }) => objectKey.split('/').at(-1))).toEqual([
    '150.m4s',
    '150.m4s',
    '151.m4s',
  ]);
  expect(published.filter(({ chunk }) => chunk.firstSegment === 150)).toHaveLength(1);
  expect(published.every(({ chunk }) => chunk.class === ChunkClass.URGENT)).toBe(true);
  // The planned chunk stays as it is.
  const planned = await Array.fromAsync(parts.chunks.chunksOf(record.job.id));
  expect(planned.filter(({ extra, chunk }) => !extra && chunk.state !== ChunkState.PENDING)).toEqual([]);
});

test('a segment can be had before the chunks of the plan are written, up to what is stored or the end', async () => {
  const record = await running({ hasChunks: false });
  await Promise.all([99, 102].map((segment) => put(record, low, segment)));
  const [near, last] = [ask(record, low, 100), ask(record, low, 200)];
  await waitUntil(() => published.length === 2);
  expect(told()).toEqual(
    expect.arrayContaining([
      [true, low, 100, 2],
      [true, low, 200, 1],
    ]),
  );
  await Promise.all([put(record, low, 100), put(record, low, 200)]);
  wake();
  await Promise.all([near.answer, last.answer]);
});

test('a viewer behind another one waits for the chunk that is on its way', async () => {
  const record = await running();
  await put(record, low, 119);
  const first = ask(record, low, 120);
  await waitUntil(() => published.length === 1);
  const second = ask(record, low, 122);
  const third = ask(record, low, 123);
  await waitUntil(() => published.length === 2);
  await settled();
  expect(told()).toEqual([
    [true, low, 120, 3],
    [true, low, 123, 3],
  ]);
  for (const segment of [120, 122, 123]) await put(record, low, segment);
  wake();
  await Promise.all([first.answer, second.answer, third.answer]);
});

test('the head of the lowest rung is hurried, and a chunk that is nearly there is waited for', async () => {
  const record = await running();
  const begin = ask(record, low, 1);
  const init = ask(record, high, 0);
  await waitUntil(() => published.length === 2);
  expect(told()).toEqual(
    expect.arrayContaining([
      [false, low, 1, 1],
      [false, high, 1, 8],
    ]),
  );
  const bulk = (await Array.fromAsync(parts.chunks.chunksOf(record.job.id))).find(
    ({ chunk }) => chunk.tracks.includes(low) && chunk.class === ChunkClass.BULK,
  );
  if (!bulk) throw new Error('the lowest rung has more than its head');
  const held = await take(bulk);
  const progress = { stored: { [low]: 10 }, speed: 5 };
  await parts.chunks.changeChunk(bulk.chunk.id, (current) =>
    change(renewed(current, held?.chunk.epoch ?? 0n, { progress, leaseMs: 60_000, now: new Date() })),
  );
  const next = ask(record, low, bulk.chunk.firstSegment + 11);
  const far = ask(record, low, bulk.chunk.firstSegment + 17);
  await settled();
  expect(told().slice(2)).toEqual([]);
  await Promise.all([put(record, low, 1), put(record, high, 1)]);
  await parts.objects.put(`${segmentKey(record.job, high, 1).slice(0, -5)}init.mp4`, Buffer.from('i'));
  for (const segment of [11, 17]) await put(record, low, bulk.chunk.firstSegment + segment);
  wake();
  await Promise.all([begin.answer, next.answer, far.answer, init.answer]);
});

test('an init segment does not wait for a head whose worker is gone', async () => {
  const record = await running();
  const head = (await Array.fromAsync(parts.chunks.chunksOf(record.job.id))).find(
    ({ chunk }) => chunk.tracks.includes(low) && chunk.firstSegment === 1,
  );
  if (!head) throw new Error('the lowest rung has a head');
  await take(head);
  const init = ask(record, low, 0);
  await settled();
  expect(told()).toEqual([]);
  await parts.chunks.changeChunk(head.chunk.id, (current) => ({
    record: { ...current, changedAt: new Date(Date.now() - 10_000) },
  }));
  wake();
  await waitUntil(() => published.length === 1);
  expect(told()).toEqual([[true, low, 1, 1]]);
  await parts.objects.put(`${segmentKey(record.job, low, 1).slice(0, -5)}init.mp4`, Buffer.from('i'));
  wake();
  await init.answer;
});

test('a chunk that died fails those who wait for it, not the job', async () => {
  const record = await running();
  const { answer } = ask(record, low, 100);
  await waitUntil(() => published.length === 1);
  const [extra] = published;
  if (!extra) throw new Error('nothing was published');
  const held = await take(extra);
  await parts.chunks.changeChunk(extra.chunk.id, (current) =>
    change(attemptFailed(current, held?.chunk.epoch ?? 0n, { failure, isFinal: true, now: new Date() })),
  );
  wake();
  await expect(answer).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'SEGMENT_FAILED',
    details: { reason: 'SOME_FAILURE' },
  });
  await count(record.job.id);
  expect((await parts.jobs.getJob(record.job.id)).job.state).toBe(JobState.RUNNING);
});

const count = (jobId: string) =>
  countJob(
    {
      ...parts,
      addChunks: (record, known) => addChunks(parts, record, { known }),
      fillQueue: (record) => fillQueue({ ...parts, windowChunks: 3 }, record),
      endJob: (id, why) => endJob(parts, id, failed, why),
      restart: async () => {},
    },
    jobId,
  );

test('extra chunks count for nothing, and end with their job', async () => {
  const record = await running();
  const asked = [ask(record, low, 100), ask(record, low, 110)];
  await waitUntil(() => published.length === 2);
  const [done, left] = published;
  if (!done || !left) throw new Error('nothing was published');
  const held = await take(done);
  const measured = { [low]: { segmentCount: 3, sizeBytes: 3, peakBandwidthBps: 3 } };
  await parts.chunks.changeChunk(done.chunk.id, (current) =>
    change(finished(current, held?.chunk.epoch ?? 0n, { measured }, new Date())),
  );
  await count(record.job.id);
  const { job } = await parts.jobs.getJob(record.job.id);
  expect([job.finishedChunkCount, job.progress, job.chunkCount]).toEqual([0, 0, planChunks(plan, 10).length]);
  await endJob(parts, record.job.id, cancelled, failure);
  expect((await parts.chunks.getChunk(left.chunk.id)).chunk.state).toBe(ChunkState.CANCELLED);
  wake();
  for (const { answer } of asked) await expect(answer).rejects.toMatchObject({ reason: 'JOB_ENDED' });
});

test('what is not there when the job is finished is lost', async () => {
  const record = await running();
  await parts.jobs.changeJob(record.job.id, (current) => {
    const complete = { ...current, tracks: current.tracks.map((track) => ({ ...track, complete: true })) };
    return change(jobFinished(complete, create(ArtefactsSchema), new Date()));
  });
  const { answer } = ask(record, low, 100);
  await expect(answer).rejects.toMatchObject({ kind: 'data_loss', reason: 'SEGMENT_LOST' });
});

test('who waits while the job is started again is told to come back', async () => {
  const record = await running();
  const { answer } = ask(record, low, 100);
  await waitUntil(() => published.length === 1);
  await endJob(parts, record.job.id, cancelled, failure);
  await parts.jobs.changeJob(record.job.id, (current) => change(restarted(current, new Date())));
  wake();
  await expect(answer).rejects.toMatchObject({ kind: 'unavailable', reason: 'JOB_NOT_PLANNED_YET' });
  expect(published).toHaveLength(1);
});

test('patience ends with the call', async () => {
  const record = await running();
  const { answer } = ask(record, low, 100, 300);
  await expect(answer).rejects.toMatchObject({ reason: 'SEGMENT_NOT_READY_IN_TIME' });
});

test('the first writer of a segment wins, and what is measured is what is stored', async () => {
  const record = await running();
  await parts.objects.put(segmentKey(record.job, low, 1), Buffer.alloc(1_000));
  const stored: string[] = [];
  const onStored = (_place: unknown, track: string, segment: number) =>
    void stored.push(`${track} ${segment}`);
  const writer = segmentWriter({ objects: parts.objects, onStored }, record.job, {
    assertHeld: () => {},
    usualSeconds: 1,
  });
  const part = (index: number) =>
    ({
      rung: 'h264-96p',
      kind: 'media',
      index,
      durationTicks: 100,
      bytes: Buffer.alloc(10 * (index + 1)),
    }) as never;
  for (const index of [0, 1]) await writer.write(low, 100, part(index));
  expect(await writer.finish()).toEqual({
    [low]: { segmentCount: 2, sizeBytes: 1_020, peakBandwidthBps: 8_000 },
  });
  expect((await parts.objects.head(segmentKey(record.job, low, 1)))?.sizeBytes).toBe(1_000);
  expect(stored).toEqual([`${low} 1`, `${low} 2`]);
});

test('another init segment than the one that is stored fails the chunk', async () => {
  const record = await running();
  const writer = () =>
    segmentWriter({ objects: parts.objects, onStored: () => {} }, record.job, {
      assertHeld: () => {},
      usualSeconds: 1,
    });
  const init = (text: string) => ({ rung: 'h264-96p', kind: 'init', bytes: Buffer.from(text) }) as const;
  const [one, same, other] = [writer(), writer(), writer()];
  await one.write(low, 100, init('a'));
  await one.finish();
  await same.write(low, 100, init('a'));
  await same.finish();
  await other.write(low, 100, init('b'));
  await expect(other.finish()).rejects.toMatchObject({ reason: 'INIT_SEGMENT_DIFFERS' });
});
