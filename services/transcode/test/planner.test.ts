// The planner's pieces on real stores: what a crash, a lost event or a race leaves behind is taken up.
import { once } from 'node:events';
import { create } from '@bufbuild/protobuf';
import { GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { ArtefactsSchema, FailureSchema, ProfileSchema } from '@kerkis/contracts/media';
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import { openDatabase } from '@kerkis/documents';
import { KerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { openObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import { tempDir } from '@kerkis/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attemptFailed, type ChunkRecord, claimed, finished } from '../src/domain/chunk.ts';
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
import { deleteMedia } from '../src/planner/delete-media.ts';
import { cleanUpJob, endJob } from '../src/planner/end-job.ts';
import { fillQueue } from '../src/planner/fill-queue.ts';
import { hurryThumbnail } from '../src/planner/hurry-thumbnail.ts';
import { planJob } from '../src/planner/plan-job.ts';
import { createPlanning } from '../src/planner/planning.ts';
import { reconcile } from '../src/planner/reconcile.ts';
import { startJob } from '../src/planner/start-job.ts';
import { takeBackLost } from '../src/planner/take-back.ts';
import { retryJob } from '../src/rpc/retry-job.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { deletionStore, type MediaToGo } from '../src/store/deletions.ts';
import { jobStore } from '../src/store/jobs.ts';
import { exampleJob, examplePlan } from './example-plan.ts';
import { noSource } from './no-source.ts';

const plan = examplePlan({ seconds: 40, hasVideo: true, hasAudio: true, segmentMs: 1000 });
const failure = create(FailureSchema, { reason: 'SOME_FAILURE' });
const change = <T>(record: T | undefined) => record && { record };

let stack: AsyncDisposableStack;
let parts: Awaited<ReturnType<typeof openParts>>;
let inQueue: Set<string>;

async function openParts() {
  const directory = stack.use(await tempDir());
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  const objects = stack.use(await openObjectStore({ kind: 'filesystem', directory: directory.path }));
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'transcode', version: '0', sampleRatio: 1, logLevel: 'silent' }),
  );
  const shared = {
    jobs: jobStore(database),
    chunks: chunkStore(database),
    deletions: deletionStore(database),
    objects,
    logger: telemetry.forService('transcode').logger,
    publish: async ({ chunk }: ChunkRecord) => void inQueue.add(chunk.id),
    jobEnded: () => {},
    ladderDecided: () => {},
    endEarly: async () => true,
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
  inQueue = new Set();
  parts = await openParts();
});
afterEach(() => stack.disposeAsync());

async function look(options: { planSoon?: (jobId: string) => boolean } = {}) {
  const signal = AbortSignal.timeout(30_000);
  await takeBackLost({ ...parts, workers: { silentForMs: () => 0 }, maxAttempts: 3 }, signal);
  return await reconcile(
    {
      ...parts,
      isInQueue: async ({ chunk }) => inQueue.has(chunk.id),
      countJob: parts.count,
      planSoon: () => true,
      workers: { missingForMs: () => 0 },
      hardwarePatienceMs: 60_000,
      staleMs: -1_000,
      keepFinishedMs: 86_400_000,
      keepDeletionsMs: 86_400_000,
      ...options,
    },
    signal,
  );
}

async function pending(): Promise<JobRecord> {
  const record = exampleJob();
  await parts.jobs.addJob(record);
  return record;
}

/** A job that its planner has let run; with the chunks, unless the planner died in between. */
async function running({ hasChunks = true } = {}): Promise<JobRecord> {
  const { job } = await pending();
  const chunkCount = planChunks(plan, 2).length;
  const record = await parts.jobs.changeJob(job.id, (current) =>
    change(planned(current, plan, { chunkSeconds: 2, chunkCount }, new Date())),
  );
  if (!record) throw new Error('the job does not run');
  if (hasChunks) await addChunks(parts, record);
  return record;
}

const chunksOf = (jobId: string) => Array.fromAsync(parts.chunks.chunksOf(jobId));
const claim = (chunkId: string, leaseMs = 60_000) =>
  parts.chunks.changeChunk(chunkId, (current) =>
    change(claimed(current, { workerId: 'wrk_1', leaseMs, now: new Date() })),
  );

test('a planner that dies before it has added the chunks is made up for', async () => {
  const { job } = await running({ hasChunks: false });
  await look();
  const chunks = await chunksOf(job.id);
  expect(chunks).toHaveLength(job.chunkCount);
  // The heads of three lanes, of which the lowest rung has two, and the window of the rest.
  expect(chunks.filter(({ chunk }) => chunk.state === ChunkState.QUEUED)).toHaveLength(4 + 3);
  expect(inQueue.size).toBe(4 + 3);
});

test('chunks that are added after the job ended end with it, or go with it', async () => {
  const record = await running({ hasChunks: false });
  await endJob(parts, record.job.id, cancelled, failure);
  await addChunks(parts, record);
  expect((await chunksOf(record.job.id)).every(({ chunk }) => chunk.state === ChunkState.CANCELLED)).toBe(
    true,
  );
  const gone = await running({ hasChunks: false });
  await deleteMedia(parts, { assetId: gone.job.assetId });
  await addChunks(parts, gone);
  expect(await chunksOf(gone.job.id)).toEqual([]);
});

test('a dead chunk ends its job, also when nobody heard of it', async () => {
  const { job } = await running();
  const [first] = await chunksOf(job.id);
  const taken = await claim(first?.chunk.id ?? '');
  await parts.chunks.changeChunk(first?.chunk.id ?? '', (current) =>
    change(attemptFailed(current, taken?.chunk.epoch ?? 0n, { failure, isFinal: true, now: new Date() })),
  );
  await look();
  expect((await parts.jobs.getJob(job.id)).job).toMatchObject({
    state: JobState.FAILED,
    failure: { reason: 'SOME_FAILURE' },
  });
});

test('a task is published again when the queue lost it, however much else waits, and only then', async () => {
  const { job } = await running();
  await parts.fill(await parts.jobs.getJob(job.id));
  const lost = [...inQueue][1] ?? '';
  inQueue.delete(lost);
  const kept = [...inQueue];
  let published: string[] = [];
  parts = { ...parts, publish: async ({ chunk }) => void published.push(chunk.id) };
  await look();
  expect(published).toEqual([lost]);
  expect(kept).not.toContain(lost);
  inQueue.add(lost);
  published = [];
  await look();
  expect(published).toEqual([]);
});

test('one job that cannot be looked after holds up no other', async () => {
  const bad = await running();
  const good = await running({ hasChunks: false });
  const { count } = parts;
  parts = {
    ...parts,
    count: async (jobId) => {
      if (jobId === bad.job.id) throw new KerkisError('unavailable', 'DATABASE_UNAVAILABLE', 'No.');
      await count(jobId);
    },
  };
  const assetId = newId('ast');
  await parts.deletions.openDeletion({ assetId });
  await look();
  expect(await chunksOf(good.job.id)).toHaveLength(good.job.chunkCount);
  expect(await parts.deletions.openDeletions(10)).toEqual([]);
});

test('an old clean-up does not touch the next run', async () => {
  const { job } = await running();
  await endJob(parts, job.id, cancelled, failure);
  const again = await parts.jobs.changeJob(job.id, (current) => change(restarted(current, new Date())));
  expect(again?.run).toBe(2);
  const key = segmentKey(job, 'video/h264-180p', 1);
  await parts.objects.put(key, Buffer.from('new'));
  expect(await cleanUpJob(parts, job.id)).toBe(true);
  expect(await parts.objects.head(key)).toBeDefined();
});

test('a retry, also two at once, starts one new run with all of its chunks', async () => {
  const { job } = await running();
  await endJob(parts, job.id, cancelled, failure);
  const planIt = async () => {
    const record = await parts.jobs.changeJob(job.id, (current) =>
      change(planned(current, plan, { chunkSeconds: 2, chunkCount: job.chunkCount }, new Date())),
    );
    if (record) await addChunks(parts, record);
  };
  // The new run is planned before the chunks of the former one are gone.
  async function* chunksOfLate(jobId: string, run?: number) {
    await planIt();
    yield* parts.chunks.chunksOf(jobId, run);
  }
  const deps = { ...parts, chunks: { ...parts.chunks, chunksOf: chunksOfLate }, planSoon: () => true };
  await Promise.allSettled([retryJob(deps, job.id), retryJob(deps, job.id)]);
  expect(await parts.jobs.getJob(job.id)).toMatchObject({ run: 2, job: { state: JobState.RUNNING } });
  const chunks = await chunksOf(job.id);
  expect(chunks).toHaveLength(job.chunkCount);
  expect(chunks.every(({ run, chunk }) => run === 2 && chunk.state === ChunkState.PENDING)).toBe(true);
});

test('a clean-up waits for the worker that may still write', async () => {
  const { job } = await running();
  const [first] = await chunksOf(job.id);
  await claim(first?.chunk.id ?? '', 100);
  await endJob(parts, job.id, cancelled, failure);
  expect((await parts.jobs.getJob(job.id)).needsCleanUp).toBe(true);
  await expect(retryJob({ ...parts, planSoon: () => {} }, job.id)).rejects.toMatchObject({
    reason: 'JOB_CLEAN_UP_RUNS',
  });
  await new Promise((resolve) => setTimeout(resolve, 120));
  await look();
  expect((await parts.jobs.getJob(job.id)).needsCleanUp).toBe(false);
});

test('a request that comes after the deletion, or was interrupted by it, leaves no job', async () => {
  const { job } = await pending();
  await parts.deletions.openDeletion({ assetId: job.assetId });
  const plans: string[] = [];
  const deps = {
    ...parts,
    planJob: async (jobId: string) => void plans.push(jobId),
    deleteMedia: (media: MediaToGo) => deleteMedia(parts, media),
  };
  const { assetId, generationId } = job;
  const profile = create(ProfileSchema, { name: 'test' });
  for (const id of [generationId, newId('gen')]) {
    const source = { objectKey: 'sources/x' };
    const message = create(GenerationRequestedSchema, { assetId, generationId: id, source, profile });
    await startJob(deps, message);
  }
  expect(plans).toEqual([]);
  expect(await parts.jobs.jobsOf(assetId)).toEqual([]);
  expect(await parts.deletions.openDeletions(10)).toEqual([]);
});

test('a generation goes alone, when nobody writes to it any more, and is not made anew', async () => {
  const { job } = await running();
  const { assetId, generationId } = job;
  const [first] = await chunksOf(job.id);
  await claim(first?.chunk.id ?? '', 100);
  const [key, other] = [generationId, newId('gen')].map((id) =>
    segmentKey({ assetId, generationId: id }, 'video/h264-180p', 1),
  );
  for (const each of [key, other]) await parts.objects.put(each ?? '', Buffer.from('x'));
  const media = { assetId, generationId };
  await parts.deletions.openDeletion(media);
  expect(await deleteMedia(parts, media)).toBe(false);
  expect(await parts.objects.head(key ?? '')).toBeDefined();
  await new Promise((resolve) => setTimeout(resolve, 120));
  await look();
  expect(await parts.objects.head(key ?? '')).toBeUndefined();
  expect(await parts.objects.head(other ?? '')).toBeDefined();
  expect(await parts.jobs.findJob(job.id)).toBeUndefined();
  expect(await chunksOf(job.id)).toEqual([]);
  const told = async () =>
    (await parts.deletions.collection.pendingOutbox(10)).flatMap(({ entries }) =>
      entries.map(({ type }) => type),
    );
  expect(await told()).toEqual(['kerkis.transcode.events.v1.GenerationDeleted']);
  // Asked for again, because the confirmation was lost; and a late request to make it.
  await parts.deletions.openDeletion(media);
  expect(await deleteMedia(parts, media)).toBe(true);
  const profile = create(ProfileSchema, { name: 'test' });
  const source = { objectKey: 'sources/x' };
  const remove = (each: MediaToGo) => deleteMedia(parts, each);
  await startJob(
    { ...parts, planJob: async () => expect.fail('it is planned'), deleteMedia: remove },
    create(GenerationRequestedSchema, { assetId, generationId, source, profile }),
  );
  expect(await parts.jobs.jobsOf(assetId)).toEqual([]);
});

test('the pictures that are made for a finished job end before it is deleted', async () => {
  const record = await running();
  for (const { chunk } of await chunksOf(record.job.id)) await parts.chunks.removeChunk(chunk.id);
  await parts.jobs.changeJob(record.job.id, (current) => {
    const tracks = current.tracks.map((track) => ({ ...track, complete: true }));
    return change(jobFinished({ ...current, tracks }, create(ArtefactsSchema), new Date()));
  });
  await hurryThumbnail(parts, record, { timeMs: 1000, width: 160 });
  const [picture] = await chunksOf(record.job.id);
  await claim(picture?.chunk.id ?? '', 100);
  const media = { assetId: record.job.assetId, generationId: record.job.generationId };
  await parts.deletions.openDeletion(media);
  expect(await deleteMedia(parts, media)).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(await deleteMedia(parts, media)).toBe(true);
});

function planningDeps(probe: () => Promise<typeof plan.source>) {
  return {
    ...parts,
    sources: noSource,
    probe,
    refuse: () => {},
    hardwareFor: async () => [],
    measureLoudness: async () => ({ integratedLufs: -23, truePeakDbtp: -9, rangeLu: 5 }),
    chunkSeconds: 2,
    reuse: true,
    maxAttempts: 3,
    touchMs: 5,
    giveOut: async () => {},
    endJob: (jobId: string, why: typeof failure) => endJob(parts, jobId, failed, why),
  };
}

test('planning is tried again while something is away, but not for ever when it fails by itself', async () => {
  const { job } = await pending();
  const never = new AbortController().signal;
  const away = planningDeps(() =>
    Promise.reject(new KerkisError('unavailable', 'STORAGE_UNAVAILABLE', 'Not now.')),
  );
  for (let turn = 0; turn < 5; turn += 1) {
    await expect(planJob(away, job.id, never)).rejects.toMatchObject({ kind: 'unavailable' });
  }
  const broken = planningDeps(() => Promise.reject(new TypeError('a defect')));
  await expect(planJob(broken, job.id, never)).rejects.toMatchObject({ kind: 'internal' });
  await expect(planJob(broken, job.id, never)).rejects.toMatchObject({ kind: 'internal' });
  await planJob(broken, job.id, never);
  expect((await parts.jobs.getJob(job.id)).job).toMatchObject({
    state: JobState.FAILED,
    failure: { reason: 'INTERNAL' },
  });
});

test('a plan that cannot be written down fails its job as well', async () => {
  const profile = create(ProfileSchema, { name: 'test', segmentMs: 1000, renditions: [{ shortSide: 96 }] });
  const record = { ...exampleJob(), profile };
  const { job } = record;
  await parts.jobs.addJob(record);
  const never = new AbortController().signal;
  const broken = planningDeps(async () => ({ ...plan.source, sizeBytes: 0.5 }));
  await expect(planJob(broken, job.id, never)).rejects.toMatchObject({ kind: 'internal' });
  await expect(planJob(broken, job.id, never)).rejects.toMatchObject({ kind: 'internal' });
  await planJob(broken, job.id, never);
  expect((await parts.jobs.getJob(job.id)).job.state).toBe(JobState.FAILED);
});

test('a job that is being planned is not planned once more by somebody else', async () => {
  const { job } = await pending();
  const { promise, reject } = Promise.withResolvers<never>();
  const planning = createPlanning({
    planJob: (jobId, signal) =>
      planJob(
        planningDeps(() => promise),
        jobId,
        signal,
      ),
    maxInBackground: 1,
    onFailure: () => {},
  });
  const first = planning.now(job.id);
  expect(planning.now(job.id)).toBe(first);
  expect([planning.soon(job.id), planning.soon(newId('job'))]).toEqual([true, false]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const startedAt = new Date();
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(await parts.jobs.findUnchanged(JobState.PENDING, startedAt, 10)).toEqual([]);
  reject(new KerkisError('unavailable', 'STORAGE_UNAVAILABLE', 'Not now.'));
  await expect(first).rejects.toMatchObject({ kind: 'unavailable' });
  await planning[Symbol.asyncDispose]();
  await expect(planning.now(job.id)).rejects.toMatchObject({ kind: 'cancelled' });
});

test('a job that is cancelled is not planned to the end', async () => {
  const { job } = await pending();
  const { promise: probing, resolve } = Promise.withResolvers<void>();
  const deps = {
    ...planningDeps(async () => plan.source),
    probe: async (_path: string, { signal }: { signal: AbortSignal }): Promise<typeof plan.source> => {
      resolve();
      await once(signal, 'abort');
      throw new KerkisError('cancelled', 'CANCELLED', 'It was stopped.');
    },
  };
  const planning = planJob(deps, job.id, new AbortController().signal);
  planning.catch(() => {});
  await probing;
  await endJob(parts, job.id, cancelled, failure);
  await expect(planning).rejects.toMatchObject({ kind: 'cancelled' });
  expect((await parts.jobs.getJob(job.id)).job.state).toBe(JobState.CANCELLED);
});

test('what rests longest is found behind any number of younger jobs', async () => {
  const { job } = await pending();
  const later = new Date(Date.now() + 10_000);
  for (let count = 0; count < 30; count += 1) await parts.jobs.addJob(exampleJob(later));
  const found = await parts.jobs.findUnchanged(JobState.PENDING, new Date(Date.now() + 1_000), 10);
  expect(found.map((record) => record.job.id)).toEqual([job.id]);
});

test('chunks of another run are neither counted nor given out', async () => {
  const { job } = await running();
  for (const own of await chunksOf(job.id)) {
    const id = newId('unt');
    await parts.chunks.addChunk({ ...own, run: 0, chunk: { ...own.chunk, id } });
    if (own.order === 0) continue;
    const taken = await claim(id);
    const result = { measured: {} };
    await parts.chunks.changeChunk(id, (current) =>
      change(finished(current, taken?.chunk.epoch ?? 0n, result, new Date())),
    );
  }
  await parts.count(job.id);
  expect((await parts.jobs.getJob(job.id)).job.finishedChunkCount).toBe(0);
  const own = (await Array.fromAsync(parts.chunks.chunksOf(job.id, 1))).map(({ chunk }) => chunk.id);
  expect(inQueue.size).toBe(4 + 3);
  expect(own).toEqual(expect.arrayContaining([...inQueue]));
});

test('heads wait for no window, and jobs that run share it', async () => {
  const [one, two] = [await running(), await running()];
  const queuedOf = async ({ job }: JobRecord) =>
    (await chunksOf(job.id)).flatMap(({ chunk }, place) => (chunk.state === ChunkState.QUEUED ? place : []));
  await parts.fill(one);
  await parts.fill(two);
  const [heads, half] = [4, 2];
  for (const job of [one, two]) {
    expect(await queuedOf(job)).toEqual(Array.from({ length: heads + half }, (_, place) => place));
  }
  const [, , , , first] = await chunksOf(one.job.id);
  await claim(first?.chunk.id ?? '');
  await parts.fill(one);
  expect(await queuedOf(one)).toEqual([0, 1, 2, 3, 5, 6]);
  await endJob(parts, two.job.id, cancelled, failure);
  await parts.fill(one);
  expect(await queuedOf(one)).toEqual([0, 1, 2, 3, 5, 6, 7]);
});

test('the heads are out before the rest of a long plan is written', async () => {
  const { job, ...rest } = await running({ hasChunks: false });
  const record = { job, ...rest };
  let seen: ChunkState[] = [];
  await addChunks(parts, record, {
    headsAdded: async () => {
      await parts.fill(record);
      seen = (await chunksOf(job.id)).map(({ chunk }) => chunk.state);
    },
  });
  expect(seen).toEqual(Array(4).fill(ChunkState.QUEUED));
  expect(inQueue.size).toBe(4);
  expect(await chunksOf(job.id)).toHaveLength(job.chunkCount);
});
