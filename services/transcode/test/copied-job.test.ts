// Equal bytes with an equal profile are encoded once: by real ffmpeg on real stores.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { AssetDeletionRequestedSchema, GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { DownloadFormat, FailureSchema, type Profile, ProfileSchema } from '@kerkis/contracts/media';
import { ChunkState, EnsureSegmentRequestSchema, JobState } from '@kerkis/contracts/transcode';
import { type JobFinished, JobFinishedSchema, MediaDeletedSchema } from '@kerkis/contracts/transcode/events';
import { openDatabase } from '@kerkis/documents';
import { newId } from '@kerkis/ids';
import { makeMedia, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copied, copying, hasMade } from '../src/domain/copied-job.ts';
import { workKey } from '../src/domain/donor.ts';
import { newJob, planned, restartedWithout } from '../src/domain/job.ts';
import { chunksNow, sideWorkNow } from '../src/domain/per-title.ts';
import { ensureSegment } from '../src/rpc/ensure-segment.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';
import { startTranscodeMesh, type TranscodeMesh } from './transcode-mesh.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let objects: TranscodeMesh['objects'];
let jobs: TranscodeMesh['stores']['jobs'];
let chunks: TranscodeMesh['stores']['chunks'];
let tell: TranscodeMesh['tell'];
const finishedEvents: JobFinished[] = [];
const deleted: string[] = [];

beforeAll(async () => {
  const started = stack.use(await startTranscodeMesh());
  ({ objects, tell } = started);
  ({ jobs, chunks } = started.stores);
  started.hear(JobFinishedSchema, (message) => finishedEvents.push(message));
  started.hear(MediaDeletedSchema, ({ assetId }) => deleted.push(assetId));
});

const profile = (init: MessageInitShape<typeof ProfileSchema> = {}) =>
  create(ProfileSchema, {
    name: 'test',
    preset: 'ultrafast',
    segmentMs: 1000,
    renditions: [{ shortSide: 180, noRemux: true }, { shortSide: 96 }],
    audios: [{ bitrateBps: 64_000 }],
    extras: { downloads: [{ format: DownloadFormat.MP4 }] },
    ...(init as object),
  });

async function encode(
  file: string,
  wanted: Profile = profile(),
  before: (prefix: string) => Promise<unknown> = async () => {},
) {
  const [assetId, generationId] = [newId('ast'), newId('gen')];
  const objectKey = `sources/${assetId}/${newId('upl')}`;
  const bytes = await readFile(file);
  await objects.put(objectKey, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await before(`media/${assetId}/${generationId}/`);
  const source = { objectKey, sizeBytes: BigInt(bytes.length), sha256 };
  await tell(GenerationRequestedSchema, { assetId, generationId, source, profile: wanted });
  const jobId = `job_${generationId.slice(4)}`;
  await waitUntil(() => finishedEvents.some((each) => each.jobId === jobId), { timeoutMs: 50_000 });
  const done = finishedEvents.find((each) => each.jobId === jobId);
  return { assetId, jobId, done, prefix: `media/${assetId}/${generationId}/` };
}

async function hashesBelow(prefix: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for await (const { key } of objects.list(prefix)) {
    const bytes = await objects.getBytes(key, { maxBytes: 10_000_000 });
    hashes[key.slice(prefix.length)] = createHash('sha256').update(bytes).digest('hex');
  }
  return hashes;
}

const chunksOf = (jobId: string) => Array.fromAsync(chunks.chunksOf(jobId));

test('what was made of equal bytes with an equal profile is copied, and outlives what it was copied from', async () => {
  const film = await makeMedia('copied', { seconds: 3, video: { width: 320, height: 180 } });
  const first = await encode(film);
  const made = await hashesBelow(first.prefix);
  expect(Object.keys(made)).toEqual(expect.arrayContaining(['downloads/180p.mp4', 'images/poster.jpg']));

  const second = await encode(film, profile({ name: 'other' }));
  expect((await chunksOf(second.jobId)).map(({ side, chunk }) => [side?.kind, chunk.state])).toEqual([
    ['copy', ChunkState.FINISHED],
  ]);
  expect(await hashesBelow(second.prefix)).toEqual(made);
  expect(second.done).toMatchObject({
    tracks: first.done?.tracks,
    artefacts: first.done?.artefacts,
    hasPoster: true,
  });
  const { job } = await jobs.getJob(second.jobId);
  expect(job).toMatchObject({ state: JobState.FINISHED, progress: 1 });
  expect(job.tracks.every((track) => track.finishedSegmentCount === track.segmentCount)).toBe(true);

  await tell(AssetDeletionRequestedSchema, { assetId: first.assetId });
  await waitUntil(() => deleted.includes(first.assetId), { timeoutMs: 20_000 });
  expect(await hashesBelow(first.prefix)).toEqual({});
  expect(await hashesBelow(second.prefix)).toEqual(made);

  // What was copied is as good to copy from.
  const third = await encode(film);
  expect((await jobs.getJob(third.jobId)).copyOf?.jobId).toBe(second.jobId);
  expect(await hashesBelow(third.prefix)).toEqual(made);

  const different = await encode(film, profile({ segmentMs: 1500 }));
  expect((await jobs.getJob(different.jobId)).copyOf).toBeUndefined();
});

test.each([
  [2, 'video/h264-180p/2.m4s'],
  [1, 'images/poster.jpg'],
  [1.5, 'downloads/180p.mp4'],
])('what is not there any more is encoded: of %i s, %s', async (seconds, path) => {
  const film = await makeMedia('half-gone', { seconds, audio: false, video: { width: 320, height: 180 } });
  const first = await encode(film);
  const made = await hashesBelow(first.prefix);
  await objects.delete(`${first.prefix}${path}`);
  // Of a copy that came half the way, from what another encoder had made.
  const second = await encode(film, profile(), (prefix) =>
    objects.put(`${prefix}video/h264-180p/1.m4s`, Buffer.from('of another encoder')),
  );
  const [copy, ...rest] = (await chunksOf(second.jobId)).toSorted(
    (a, b) => Number(b.side?.kind === 'copy') - Number(a.side?.kind === 'copy'),
  );
  expect(copy?.chunk).toMatchObject({ state: ChunkState.DEAD, failure: { reason: 'COPY_SOURCE_GONE' } });
  expect(rest.filter(({ side }) => !side).length).toBeGreaterThan(0);
  expect(await objects.head(`${second.prefix}${path}`)).toBeDefined();
  const { job, copyOf } = await jobs.getJob(second.jobId);
  expect(job).toMatchObject({ state: JobState.FINISHED, finishedChunkCount: job.chunkCount });
  expect(job.restartReason?.reason).toBe('COPY_SOURCE_GONE');
  expect(copyOf).toBeUndefined();
  const segment = 'video/h264-180p/1.m4s';
  expect((await hashesBelow(second.prefix))[segment]).toBe(made[segment]);
});

test('a job copies only what has the same plan, and begins anew when it cannot', async () => {
  const film = await makeMedia('planned', { seconds: 2, audio: false, video: { width: 320, height: 180 } });
  const { jobId } = await encode(film);
  const donor = await jobs.getJob(jobId);
  const { plan, source } = donor;
  if (!plan) throw new Error('the job has no plan');
  const same = profile({ name: 'x', builtIn: true });
  expect(workKey(source, same)).toBe(donor.workKey);
  expect(workKey(source, profile({ preset: 'fast' }))).not.toBe(donor.workKey);
  expect(workKey({ ...source, sha256: '' }, same)).toBe('');
  expect(hasMade(donor, plan)).toBe(true);
  const [top, ...others] = plan.ladder.video;
  const less = { ...plan, ladder: { ...plan.ladder, video: others } };
  const more = top && {
    ...plan,
    ladder: { ...plan.ladder, video: [{ ...top, crf: top.crf + 1 }, ...others] },
  };
  expect([less, more].map((each) => each && hasMade(donor, each))).toEqual([false, false]);
  // What a look at the same content has left.
  expect(hasMade({ ...donor, ladderOutcome: 'fitted', plan: less }, plan)).toBe(true);
  expect(hasMade({ ...donor, ladderOutcome: 'unseen' }, plan)).toBe(false);

  const ids = { id: newId('job'), assetId: newId('ast'), generationId: newId('gen') };
  const waiting = newJob({ ...ids, source, profile: same, now: new Date() });
  const run = planned(waiting, plan, { chunkSeconds: 2, chunkCount: 9 }, new Date());
  const copy = run && copying(run, donor);
  if (!copy) throw new Error('a new job can be planned');
  expect([chunksNow(copy), sideWorkNow(copy).map(({ work }) => work.kind)]).toEqual([[], ['copy']]);
  expect(copied(copy, new Date())?.tracks).toEqual(donor.tracks);
  const again = restartedWithout(copy, 'withoutCopy', create(FailureSchema), new Date());
  expect(again && [copied(again, new Date()), again.needsCleanUp, again.copyOf]).toEqual([
    undefined,
    true,
    undefined,
  ]);
});

test('a segment that somebody waits for is copied before its turn, and not encoded', async () => {
  const film = await makeMedia('planned', { seconds: 2, audio: false, video: { width: 320, height: 180 } });
  const donor = await jobs.getJob((await encode(film)).jobId);
  const ids = { id: newId('job'), assetId: newId('ast'), generationId: newId('gen') };
  const waiting = newJob({ ...ids, source: donor.source, profile: donor.profile, now: new Date() });
  const run = donor.plan && planned(waiting, donor.plan, { chunkSeconds: 2, chunkCount: 9 }, new Date());
  // A database of its own, in which nobody does the job.
  await using database = await openDatabase({ url: 'sqlite::memory:' });
  const own = { jobs: jobStore(database), chunks: chunkStore(database) };
  await own.jobs.addJob(run ? copying(run, donor) : waiting);
  const deps = { ...own, objects, publish: async () => {}, urgentSegments: 3, nextStored: async () => {} };
  const context = { signal: AbortSignal.timeout(30_000), timeoutMs: () => 400 };
  const ask = (track: string, segment: number) =>
    ensureSegment(
      deps,
      create(EnsureSegmentRequestSchema, { generationId: ids.generationId, track, segment }),
      context,
    );
  const segment = 'video/h264-180p/2.m4s';
  const objectKey = `media/${ids.assetId}/${ids.generationId}/${segment}`;
  expect(await ask('video/h264-180p', 2)).toEqual({ objectKey });
  const [here, there] = [objectKey, `media/${donor.job.assetId}/${donor.job.generationId}/${segment}`];
  const maxBytes = 10_000_000;
  expect(await objects.getBytes(here, { maxBytes })).toEqual(await objects.getBytes(there, { maxBytes }));
  await objects.delete(there);
  await objects.delete(here);
  await expect(ask('video/h264-180p', 2)).rejects.toMatchObject({ reason: 'SEGMENT_NOT_READY_IN_TIME' });
  expect(await Array.fromAsync(own.chunks.chunksOf(ids.id))).toEqual([]);
});
