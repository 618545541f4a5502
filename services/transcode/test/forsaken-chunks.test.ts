// Segments and pictures that viewers waited for and then left, on real stores.
import { create } from '@bufbuild/protobuf';
import { ArtefactsSchema } from '@kerkis/contracts/media';
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import { openDatabase } from '@kerkis/documents';
import { openObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import { tempDir } from '@kerkis/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChunkRecord, claimed } from '../src/domain/chunk.ts';
import { finished, type JobRecord, planned } from '../src/domain/job.ts';
import { planChunks } from '../src/domain/plan-chunks.ts';
import { addChunks } from '../src/planner/add-chunks.ts';
import { hurrySegment } from '../src/planner/hurry-segment.ts';
import { hurryThumbnail } from '../src/planner/hurry-thumbnail.ts';
import { reconcile } from '../src/planner/reconcile.ts';
import { ensureThumbnail } from '../src/rpc/ensure-thumbnail.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { deletionStore } from '../src/store/deletions.ts';
import { jobStore } from '../src/store/jobs.ts';
import { exampleJob, examplePlan } from './example-plan.ts';

const plan = examplePlan({ seconds: 200, hasVideo: true, hasAudio: true, segmentMs: 1000 });
const change = <T>(record: T | undefined) => record && { record };
const low = 'video/h264-96p';
const picture = { timeMs: 5_000, width: 640 };

let stack: AsyncDisposableStack;
let parts: Awaited<ReturnType<typeof openParts>>;
let published: ChunkRecord[];

async function openParts() {
  const directory = stack.use(await tempDir());
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  const objects = stack.use(await openObjectStore({ kind: 'filesystem', directory: directory.path }));
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'transcode', version: '0', sampleRatio: 1, logLevel: 'silent' }),
  );
  return {
    jobs: jobStore(database),
    chunks: chunkStore(database),
    deletions: deletionStore(database),
    objects,
    logger: telemetry.forService('transcode').logger,
    urgentSegments: 3,
    jobEnded: () => {},
    publish: async (record: ChunkRecord) => void published.push(record),
  };
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  published = [];
  parts = await openParts();
});
afterEach(() => stack.disposeAsync());

async function running(): Promise<JobRecord> {
  const waiting = exampleJob();
  await parts.jobs.addJob(waiting);
  const record = await parts.jobs.changeJob(waiting.job.id, (current) =>
    change(planned(current, plan, { chunkSeconds: 10, chunkCount: planChunks(plan, 10).length }, new Date())),
  );
  if (!record) throw new Error('the job does not run');
  await addChunks(parts, record);
  return record;
}

const look = (keepFinishedMs = 86_400_000) =>
  reconcile(
    {
      ...parts,
      isInQueue: async () => true,
      countJob: async () => {},
      planSoon: () => true,
      workers: { missingForMs: () => 0 },
      hardwarePatienceMs: 60_000,
      staleMs: -1_000,
      keepFinishedMs,
      keepDeletionsMs: 86_400_000,
      endEarly: async () => true,
    },
    AbortSignal.timeout(30_000),
  );

/** A minute passes in which nobody says anything. */
const pass = async () => {
  for (const { chunk } of published)
    await parts.chunks.changeChunk(chunk.id, (current) => ({
      record: { ...current, wantedAtMs: Date.now() - 60_000 },
    }));
};
const stateOf = async ({ chunk }: ChunkRecord) => (await parts.chunks.getChunk(chunk.id)).chunk.state;

test('what viewers left behind in the queue is cancelled, what one waits for is not, and can be had again', async () => {
  const record = await running();
  for (const segment of [100, 150]) await hurrySegment(parts, record, low, segment);
  await hurryThumbnail(parts, record, picture);
  await hurryThumbnail(parts, record, { ...picture, timeMs: 7_000 });
  await look();
  expect(await Promise.all(published.map(stateOf))).toEqual(Array(4).fill(ChunkState.QUEUED));

  await pass();
  await hurrySegment(parts, record, low, 150);
  await hurryThumbnail(parts, record, picture);
  await look();
  const { QUEUED, CANCELLED } = ChunkState;
  expect(await Promise.all(published.map(stateOf))).toEqual([CANCELLED, QUEUED, QUEUED, CANCELLED]);

  await hurrySegment(parts, record, low, 100);
  await hurryThumbnail(parts, record, { ...picture, timeMs: 7_000 });
  expect(published).toHaveLength(6);
  expect(await Promise.all(published.slice(4).map(stateOf))).toEqual([QUEUED, QUEUED]);
});

test('what is in work is brought to its end, and the plan goes on whoever left', async () => {
  const record = await running();
  await hurrySegment(parts, record, low, 100);
  await hurrySegment(parts, record, low, 1);
  const [extra, head] = published;
  if (!extra || !head) throw new Error('nothing was published');
  await parts.chunks.changeChunk(extra.chunk.id, (current) =>
    change(claimed(current, { workerId: 'wrk_1', leaseMs: 60_000, now: new Date() })),
  );
  await pass();
  await look();
  expect(await stateOf(extra)).toBe(ChunkState.RUNNING);
  expect(await stateOf(head)).toBe(ChunkState.QUEUED);
});

test('viewers of one asset fill the queue up to a bound, which what is taken or left behind does not count for', async () => {
  const record = await running();
  for (let segment = 1; segment <= 64; segment++) await hurrySegment(parts, record, low, 9 + 3 * segment);
  await expect(hurrySegment(parts, record, 'video/h264-180p', 100)).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'URGENT_QUEUE_FULL',
  });
  await expect(hurryThumbnail(parts, record, picture)).rejects.toMatchObject({ reason: 'URGENT_QUEUE_FULL' });
  // Who waits already goes on waiting, and so does another job.
  await hurrySegment(parts, record, low, 12);
  await hurrySegment(parts, await running(), low, 100);
  expect(published).toHaveLength(65);
  await pass();
  await look();
  await hurryThumbnail(parts, record, picture);
  expect(published).toHaveLength(66);
});

test('pictures can be had of what was finished long ago, and is listed no more', async () => {
  const record = await running();
  const { job } = record;
  await parts.jobs.changeJob(job.id, (current) => {
    const tracks = current.tracks.map((track) => ({ ...track, complete: true }));
    return change(finished({ ...current, tracks }, create(ArtefactsSchema), new Date(Date.now() - 1_000)));
  });
  const query = { pageSize: 10, pageToken: '', state: JobState.UNSPECIFIED };
  const listed = async () =>
    await Promise.all(
      ['', job.assetId].map(
        async (assetId) => (await parts.jobs.listJobs({ ...query, assetId })).records.length,
      ),
    );
  await look();
  expect(await listed()).toEqual([1, 1]);
  await look(0);
  expect(await listed()).toEqual([0, 0]);
  expect(await Array.fromAsync(parts.chunks.chunksOf(job.id))).toEqual([]);
  expect(await parts.jobs.findFinished(new Date(), 10)).toEqual([]);

  const request = { ...picture, timeMs: 5_000n, generationId: job.generationId };
  const context = { signal: AbortSignal.timeout(30_000), timeoutMs: () => 300 };
  const asked = ensureThumbnail({ ...parts, nextStored: async () => {} }, request, context);
  await expect(asked).rejects.toMatchObject({ reason: 'PICTURE_NOT_READY_IN_TIME' });
  expect(published.at(-1)?.side).toMatchObject({ kind: 'thumbnail', timeMs: 5_000 });

  // With its asset it goes for good.
  expect((await parts.jobs.jobsOf(job.assetId)).map((each) => each.job.id)).toEqual([job.id]);
  expect(await parts.jobs.removeEndedJob(job.id)).toBe(true);
});
