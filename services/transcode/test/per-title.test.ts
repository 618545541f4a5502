// The ladder of a title on real stores: upper rungs wait for the look, it is decided once, and a crash in between loses nothing.
import { create, fromBinary } from '@bufbuild/protobuf';
import {
  DownloadFormat,
  FailureSchema,
  LadderMode,
  ProfileSchema,
  VideoCodec,
} from '@kerkis/contracts/media';
import { ChunkClass, ChunkState, JobState, LadderChange } from '@kerkis/contracts/transcode';
import { type TracksRevised, TracksRevisedSchema } from '@kerkis/contracts/transcode/events';
import { openDatabase } from '@kerkis/documents';
import type { FitReason } from '@kerkis/media';
import { openObjectStore } from '@kerkis/objects';
import { tempDir } from '@kerkis/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attemptFailed, type ChunkRecord, claimed, finished } from '../src/domain/chunk.ts';
import { failed, type JobRecord, planned, restarted } from '../src/domain/job.ts';
import { awaitsLook, chunksNow, ladderDecided, sideWorkNow } from '../src/domain/per-title.ts';
import { planChunks } from '../src/domain/plan-chunks.ts';
import type { SideResult } from '../src/domain/side-work.ts';
import { addChunks } from '../src/planner/add-chunks.ts';
import { type CountJobDependencies, countJob } from '../src/planner/count-job.ts';
import { endJob } from '../src/planner/end-job.ts';
import { fillQueue } from '../src/planner/fill-queue.ts';
import { ensureSegment } from '../src/rpc/ensure-segment.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';
import { exampleJob, examplePlan } from './example-plan.ts';

const rungs = [360, 180, 120, 96].map((shortSide) => ({ shortSide }));
const plan = examplePlan({ seconds: 40, hasVideo: true, hasAudio: true, segmentMs: 1000 }, rungs);
const [top, second, third, lowest] = plan.ladder.video.map(({ name }) => `video/${name}`);
const sound = `audio/${plan.ladder.audio[0]?.name}`;
const profile = create(ProfileSchema, {
  name: 'test',
  ladderMode: LadderMode.PER_TITLE,
  extras: { noPoster: true, noIframes: true, quality: false, downloads: [{ format: DownloadFormat.MP4 }] },
});
const change = <T>(record: T | undefined) => record && { record };

/** The top rung is left out, the next one takes less, and something is said of the lowest one that is nobody's business. */
const reasons: FitReason[] = [
  { rung: '', change: 'dropped', reason: 'Nobody sees it.' },
  { rung: '', change: 'bitrate', reason: 'It takes less.' },
  { rung: '', change: 'dropped', reason: 'It must not happen.' },
].map((reason, i) => ({ ...reason, rung: plan.ladder.video[[0, 1, 3][i] ?? 0]?.name ?? '' }) as FitReason);
const seen: SideResult = {
  kind: 'look',
  look: { places: [0], framesPerPlace: 1, framesPerSegment: 25, frameCount: 1000, frameRate: 25, sizes: [] },
  video: plan.ladder.video
    .slice(1, 3)
    .map((rung, i) => (i === 0 ? { ...rung, peakBitrateBps: 77_000 } : rung)),
  reasons,
};

let stack: AsyncDisposableStack;
let parts: Awaited<ReturnType<typeof openParts>>;
let decisions: number;

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
    ladderDecided: () => void decisions++,
  };
  const deps: CountJobDependencies = {
    ...shared,
    addChunks: (record, known) => addChunks(shared, record, { known }),
    fillQueue: (record) => fillQueue({ ...shared, windowChunks: 3 }, record),
    endJob: (id, why) => endJob(shared, id, failed, why),
    restart: async () => {},
  };
  return { ...shared, deps, count: (jobId: string) => countJob(deps, jobId) };
}

beforeEach(async () => {
  decisions = 0;
  stack = new AsyncDisposableStack();
  parts = await openParts();
});
afterEach(() => stack.disposeAsync());

function planTitle(waiting: JobRecord): JobRecord {
  const sizes = { chunkSeconds: 2, chunkCount: planChunks(plan, 2).length };
  const record = planned({ ...waiting, profile }, plan, sizes, new Date());
  if (!record) throw new Error('a new job can be planned');
  return record;
}

async function running(): Promise<JobRecord> {
  const record = planTitle(exampleJob());
  await parts.jobs.addJob(record);
  await addChunks(parts, record);
  await parts.deps.fillQueue(record);
  return record;
}

const chunksOf = ({ job }: JobRecord) => Array.fromAsync(parts.chunks.chunksOf(job.id));
const again = ({ job }: JobRecord) => parts.jobs.getJob(job.id);
const tracksOf = (records: readonly ChunkRecord[]) => [
  ...new Set(records.flatMap(({ chunk }) => chunk.tracks)),
];
const lookOf = async (job: JobRecord) => (await chunksOf(job)).filter(({ side }) => side?.kind === 'look');

async function take({ chunk: { id } }: ChunkRecord): Promise<ChunkRecord> {
  const taken = await parts.chunks.changeChunk(id, (current) =>
    change(claimed(current, { workerId: 'wrk_1', leaseMs: 60_000, now: new Date() })),
  );
  if (!taken) throw new Error('the chunk is not to be had');
  return taken;
}

async function finish(record: ChunkRecord, sideResult?: SideResult): Promise<void> {
  const { chunk } = await take(record);
  const { segmentCount, tracks } = chunk;
  const measure = { segmentCount, sizeBytes: 1_000, peakBandwidthBps: 8_000 };
  const measured = Object.fromEntries(tracks.map((track) => [track, measure]));
  const result = { measured, ...(sideResult && { sideResult }) };
  await parts.chunks.changeChunk(chunk.id, (current) =>
    change(finished(current, chunk.epoch, result, new Date())),
  );
}

async function die(record: ChunkRecord): Promise<void> {
  const failure = create(FailureSchema, { reason: 'SOME_FAILURE' });
  const { chunk } = await take(record);
  await parts.chunks.changeChunk(chunk.id, (current) =>
    change(attemptFailed(current, chunk.epoch, { failure, isFinal: true, now: new Date() })),
  );
}

async function revisions(): Promise<TracksRevised[]> {
  const pending = await parts.jobs.collection.pendingOutbox(100);
  return pending
    .flatMap(({ entries }) => entries)
    .filter(({ type }) => type === TracksRevisedSchema.typeName)
    .map(({ data }) => fromBinary(TracksRevisedSchema, Buffer.from(data, 'base64')));
}

test('until the look has ended there are the chunks of the lowest rung and of sound, and the look is given out at once', async () => {
  const job = await running();
  expect(awaitsLook(job)).toBe(true);
  const records = await chunksOf(job);
  expect(tracksOf(records)).toEqual([lowest, sound]);
  expect((await lookOf(job)).map(({ chunk }) => [chunk.state, chunk.class])).toEqual([
    [ChunkState.QUEUED, ChunkClass.HEAD],
  ]);
  // A download of a track that may never be is not asked for yet.
  expect(sideWorkNow(job).map(({ work }) => work.kind)).toEqual(['look']);
  expect(job.tracks.filter(({ offered }) => offered).map(({ name }) => name)).toEqual([lowest, sound]);
  await parts.count(job.job.id);
  expect(tracksOf(await chunksOf(job))).toEqual([lowest, sound]);
});

test('what the look leaves out is gone, what it changes is changed, and what is in work stays', async () => {
  const job = await running();
  const before = await chunksOf(job);
  for (const record of before) await finish(record, record.side && seen);
  await parts.count(job.job.id);
  const after = await again(job);
  expect(after.tracks.map(({ name }) => name)).toEqual([second, third, lowest, sound]);
  expect(after.tracks[0]?.peakBandwidthBps).toBe(77_000n);
  expect(after.tracks.map(({ complete }) => complete)).toEqual([false, false, true, true]);
  expect(after.job.tracks.map(({ track }) => track)).toEqual([second, third, lowest, sound]);
  expect(after.job.ladderNotes).toMatchObject([
    { track: top, change: LadderChange.DROPPED, reason: 'Nobody sees it.' },
    { track: second, change: LadderChange.BITRATE },
  ]);
  expect(after.plan?.ladder.video.map(({ name }) => `video/${name}`)).toEqual([second, third, lowest]);
  const records = (await chunksOf(job)).filter(({ side }) => !side);
  expect(records).toHaveLength(after.job.chunkCount);
  expect(tracksOf(records).toSorted()).toEqual([lowest, second, third, sound].toSorted());
  expect(records.filter(({ chunk }) => chunk.state === ChunkState.FINISHED)).toHaveLength(before.length - 1);
  expect(new Set(records.map(({ order }) => order)).size).toBe(records.length);
  expect(sideWorkNow(after).map(({ work }) => work.needs)).toEqual([[second, sound]]);
  expect((await revisions()).map(({ revision, tracks }) => [revision, tracks.length])).toEqual([[1n, 4]]);
});

test('it is decided once, however often and by however many it is counted', async () => {
  const job = await running();
  const [look] = await lookOf(job);
  if (look) await finish(look, seen);
  await Promise.all([parts.count(job.job.id), parts.count(job.job.id), parts.count(job.job.id)]);
  await parts.count(job.job.id);
  expect(decisions).toBe(1);
  expect(await revisions()).toHaveLength(1);
  const after = await again(job);
  expect(after).toMatchObject({ ladderOutcome: 'fitted', revision: 1 });
  expect(ladderDecided(after, (await lookOf(job))[0])).toBeUndefined();
});

test('a planner that dies after the decision leaves the chunks of upper rungs to the next one', async () => {
  const job = await running();
  const [look] = await lookOf(job);
  if (look) await finish(look, seen);
  const killed = new Error('killed');
  const addNothing = () => Promise.reject(killed);
  await expect(countJob({ ...parts.deps, addChunks: addNothing }, job.job.id)).rejects.toBe(killed);
  expect((await again(job)).ladderOutcome).toBe('fitted');
  expect(tracksOf(await chunksOf(job))).toEqual([lowest, sound]);
  await parts.count(job.job.id);
  for (;;) {
    const open = (await chunksOf(job)).filter(
      ({ chunk, side }) => chunk.state !== ChunkState.FINISHED && side?.kind !== 'look',
    );
    if (open.length === 0) break;
    for (const record of open) await finish(record);
    await parts.count(job.job.id);
  }
  const done = await again(job);
  expect(done.job).toMatchObject({ state: JobState.FINISHED, finishedChunkCount: done.job.chunkCount });
});

test('a dead look leaves the ladder as planned', async () => {
  const job = await running();
  const [look] = await lookOf(job);
  if (look) await die(look);
  await parts.count(job.job.id);
  const after = await again(job);
  expect(after.job).toMatchObject({
    state: JobState.RUNNING,
    chunkCount: job.job.chunkCount,
    ladderNotes: [{ track: '', reason: expect.stringContaining('SOME_FAILURE') }],
  });
  expect(after).toMatchObject({ ladderOutcome: 'unseen', tracks: job.tracks, revision: 0 });
  expect((await chunksOf(job)).filter(({ side }) => !side)).toHaveLength(job.job.chunkCount);
});

test('a segment of a rung that may be left out is not made, and one of a rung that is, is not in the plan', async () => {
  const job = await running();
  const context = { signal: AbortSignal.timeout(30_000), timeoutMs: () => 200 };
  const deps = { ...parts, urgentSegments: 3, nextStored: async () => {} };
  const ask = (track = '') =>
    ensureSegment(
      deps,
      {
        $typeName: 'kerkis.transcode.v1.EnsureSegmentRequest',
        generationId: job.job.generationId,
        track,
        segment: 1,
      },
      context,
    );
  await expect(ask(top)).rejects.toMatchObject({ kind: 'unavailable', reason: 'TRACK_NOT_DECIDED_YET' });
  const [look] = await lookOf(job);
  if (look) await finish(look, seen);
  await parts.count(job.job.id);
  await expect(ask(top)).rejects.toMatchObject({ reason: 'SEGMENT_NOT_IN_PLAN' });
  await expect(ask(second)).rejects.toMatchObject({ reason: 'SEGMENT_NOT_READY_IN_TIME' });
});

test('a job that is started again looks again', () => {
  const record = planTitle(exampleJob());
  const decided: JobRecord = { ...record, ladderOutcome: 'fitted' };
  const end = failed(decided, create(FailureSchema), new Date());
  const fresh = end && restarted({ ...end, needsCleanUp: false }, new Date());
  expect(fresh).toMatchObject({ run: 2, job: { ladderNotes: [] } });
  expect(fresh && awaitsLook(planTitle(fresh))).toBe(true);
});

test('chunks keep their places and ids whatever rungs are left out, and there is no look where nothing can be', () => {
  const codecs = [VideoCodec.H264, VideoCodec.AV1];
  const renditions = codecs.flatMap((codec) => [180, 120, 96].map((shortSide) => ({ shortSide, codec })));
  const shape = { seconds: 100, hasVideo: true, hasAudio: true, segmentMs: 1000 };
  const whole = examplePlan(shape, renditions);
  const without = (names: string[]) => ({
    ...whole,
    ladder: { ...whole.ladder, video: whole.ladder.video.filter(({ name }) => !names.includes(name)) },
  });
  const placesOf = (tracks: string, names: string[]) =>
    planChunks(without(names), 5)
      .filter((each) => each.tracks.join() === tracks)
      .map(({ order, firstSegment, segmentCount, class: kind }) => [order, firstSegment, segmentCount, kind]);
  const h264 = ['h264-180p', 'h264-120p'];
  for (const track of ['video/h264-96p', `audio/${whole.ladder.audio[0]?.name}`]) {
    expect(placesOf(track, [])).not.toEqual([]);
    expect(placesOf(track, h264)).toEqual(placesOf(track, []));
    expect(placesOf(track, [...h264, 'av1-180p', 'av1-120p'])).toEqual(placesOf(track, []));
  }
  const one = { ...exampleJob(), profile, plan: without([...h264, 'av1-180p', 'av1-120p']), chunkSeconds: 5 };
  expect(awaitsLook(one)).toBe(false);
  expect(chunksNow(one)).toHaveLength(planChunks(one.plan, 5).length);
});
