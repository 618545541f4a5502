// Side work on real stores: when it is given out, and what a job makes of it that dies, is lost or is not wanted any more.
import { create } from '@bufbuild/protobuf';
import { FailureSchema, ProfileSchema } from '@kerkis/contracts/media';
import { ChunkClass, ChunkState, JobState } from '@kerkis/contracts/transcode';
import { openDatabase } from '@kerkis/documents';
import { openObjectStore } from '@kerkis/objects';
import { tempDir } from '@kerkis/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attemptFailed, type ChunkRecord, claimed, finished } from '../src/domain/chunk.ts';
import { cancelled, failed, type JobRecord, planned } from '../src/domain/job.ts';
import { planChunks } from '../src/domain/plan-chunks.ts';
import { addChunks } from '../src/planner/add-chunks.ts';
import { countJob } from '../src/planner/count-job.ts';
import { endJob } from '../src/planner/end-job.ts';
import { fillQueue } from '../src/planner/fill-queue.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';
import { exampleJob, examplePlan } from './example-plan.ts';

const plan = examplePlan({ seconds: 40, hasVideo: true, hasAudio: true, segmentMs: 1000 });
const failure = create(FailureSchema, { reason: 'SOME_FAILURE' });
const change = <T>(record: T | undefined) => record && { record };

let stack: AsyncDisposableStack;
let parts: Awaited<ReturnType<typeof openParts>>;

async function openParts() {
  const directory = stack.use(await tempDir());
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  const objects = stack.use(await openObjectStore({ kind: 'filesystem', directory: directory.path }));
  const shared = {
    jobs: jobStore(database),
    chunks: chunkStore(database),
    objects,
    publish: async () => {},
    jobEnded: () => {},
    ladderDecided: () => {},
  };
  const fill = (record: JobRecord) => fillQueue({ ...shared, windowChunks: 3 }, record);
  const count = (jobId: string) =>
    countJob(
      {
        ...shared,
        addChunks: (record, known) => addChunks(shared, record, { known }),
        fillQueue: fill,
        endJob: (id, why) => endJob(shared, id, failed, why),
        restart: async () => {},
      },
      jobId,
    );
  return { ...shared, fill, count };
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  parts = await openParts();
});
afterEach(() => stack.disposeAsync());

/** A job that runs, with a poster to make beside its tracks. */
async function running({ hasChunks = true } = {}): Promise<JobRecord> {
  const profile = create(ProfileSchema, { name: 'test', extras: { quality: false, noIframes: true } });
  const waiting = { ...exampleJob(), profile };
  await parts.jobs.addJob(waiting);
  const chunkCount = planChunks(plan, 2).length;
  const record = await parts.jobs.changeJob(waiting.job.id, (current) =>
    change(planned(current, plan, { chunkSeconds: 2, chunkCount }, new Date())),
  );
  if (!record) throw new Error('the job does not run');
  if (hasChunks) await addChunks(parts, record);
  return record;
}

const chunksOf = ({ job }: JobRecord) => Array.fromAsync(parts.chunks.chunksOf(job.id));
const sidesOf = async (job: JobRecord) => (await chunksOf(job)).filter(({ side }) => side);
const stateOf = async ({ job }: JobRecord) => (await parts.jobs.getJob(job.id)).job.state;

async function take({ chunk: { id } }: ChunkRecord): Promise<ChunkRecord> {
  const taken = await parts.chunks.changeChunk(id, (current) =>
    change(claimed(current, { workerId: 'wrk_1', leaseMs: 60_000, now: new Date() })),
  );
  if (!taken) throw new Error('the chunk is not to be had');
  return taken;
}

async function finish(record: ChunkRecord): Promise<void> {
  const taken = await take(record);
  const { segmentCount, tracks } = taken.chunk;
  const measure = { segmentCount, sizeBytes: 1_000, peakBandwidthBps: 8_000 };
  const measured = Object.fromEntries(tracks.map((track) => [track, measure]));
  const result = taken.side ? { measured, sideResult: { kind: 'poster' } as const } : { measured };
  await parts.chunks.changeChunk(taken.chunk.id, (current) =>
    change(finished(current, taken.chunk.epoch, result, new Date())),
  );
}

async function die(record: ChunkRecord): Promise<void> {
  const taken = await take(record);
  await parts.chunks.changeChunk(taken.chunk.id, (current) =>
    change(attemptFailed(current, taken.chunk.epoch, { failure, isFinal: true, now: new Date() })),
  );
}

async function finishSegments(job: JobRecord): Promise<void> {
  for (const record of await chunksOf(job)) if (!record.side) await finish(record);
  await parts.count(job.job.id);
}

test('side work is given out when no head waits any more, beside the window of segments', async () => {
  const job = await running();
  await parts.fill(job);
  const heads = (await chunksOf(job)).filter(({ chunk, side }) => !side && chunk.class === ChunkClass.HEAD);
  expect((await sidesOf(job)).map(({ chunk }) => chunk.state)).toEqual([ChunkState.PENDING]);
  for (const head of heads) await take(head);
  await parts.fill(job);
  const [side] = await sidesOf(job);
  expect(side?.chunk).toMatchObject({ state: ChunkState.QUEUED, sideWork: 'poster', tracks: [] });
  const queued = (await chunksOf(job)).filter(({ chunk }) => chunk.state === ChunkState.QUEUED);
  expect(queued).toHaveLength(3 + 1);
});

test('a job is finished when its side work is, too', async () => {
  const job = await running();
  await finishSegments(job);
  expect(await stateOf(job)).toBe(JobState.RUNNING);
  const [side] = await sidesOf(job);
  if (side) await finish(side);
  await parts.count(job.job.id);
  const done = await parts.jobs.getJob(job.job.id);
  expect(done).toMatchObject({ job: { state: JobState.FINISHED, progress: 1 }, artefacts: { poster: true } });
  expect(done.job.finishedChunkCount).toBe(done.job.chunkCount);
});

test('dead side work is done without', async () => {
  const job = await running();
  const [side] = await sidesOf(job);
  if (side) await die(side);
  await parts.count(job.job.id);
  expect(await stateOf(job)).toBe(JobState.RUNNING);
  await finishSegments(job);
  const done = await parts.jobs.getJob(job.job.id);
  expect(done).toMatchObject({ job: { state: JobState.FINISHED }, artefacts: { poster: false } });
});

test('side work that its planner did not come to add is added', async () => {
  const job = await running();
  const [side] = await sidesOf(job);
  await parts.chunks.removeChunk(side?.chunk.id ?? '');
  await finishSegments(job);
  expect(await stateOf(job)).toBe(JobState.RUNNING);
  expect((await sidesOf(job)).map(({ chunk }) => [chunk.id, chunk.state])).toEqual([
    [side?.chunk.id, ChunkState.QUEUED],
  ]);
});

test('side work ends with a job that is cancelled', async () => {
  const job = await running();
  await endJob(parts, job.job.id, cancelled, failure);
  expect((await sidesOf(job)).map(({ chunk }) => chunk.state)).toEqual([ChunkState.CANCELLED]);
});
