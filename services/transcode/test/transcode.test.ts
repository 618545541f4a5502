import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { AssetDeletionRequestedSchema, GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { AudioCodec, type Profile, ProfileSchema, VideoCodec } from '@kerkis/contracts/media';
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import {
  type JobFailed,
  JobFailedSchema,
  type JobFinished,
  JobFinishedSchema,
  type JobPlanned,
  JobPlannedSchema,
  MediaDeletedSchema,
  TrackFinishedSchema,
} from '@kerkis/contracts/transcode/events';
import { newId } from '@kerkis/ids';
import { fromConnectError } from '@kerkis/rpc';
import { makeMedia, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTranscodeMesh, type TranscodeMesh } from './transcode-mesh.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let directory: string;
let objects: TranscodeMesh['objects'];
let jobs: TranscodeMesh['jobs'];
let segments: TranscodeMesh['segments'];
let tell: TranscodeMesh['tell'];
const plannedEvents: JobPlanned[] = [];
const finishedEvents: JobFinished[] = [];
const failedEvents: JobFailed[] = [];
const finishedTracks: string[] = [];
const deleted: string[] = [];

beforeAll(async () => {
  const started = stack.use(await startTranscodeMesh({ leaseSeconds: 5 }));
  ({ directory, objects, jobs, segments, tell } = started);
  started.hear(JobPlannedSchema, (message) => plannedEvents.push(message));
  started.hear(JobFinishedSchema, (message) => finishedEvents.push(message));
  started.hear(JobFailedSchema, (message) => failedEvents.push(message));
  started.hear(TrackFinishedSchema, ({ track }) => finishedTracks.push(track?.name ?? ''));
  started.hear(MediaDeletedSchema, ({ assetId }) => deleted.push(assetId));
});

const profile = (init: { preset?: string } = {}) =>
  create(ProfileSchema, {
    name: 'test',
    preset: 'ultrafast',
    segmentMs: 1000,
    renditions: [{ shortSide: 180 }, { shortSide: 96 }],
    audios: [{ bitrateBps: 64_000 }],
    ...init,
  });

async function request(file: string, wanted: Profile = profile()) {
  const assetId = newId('ast');
  const generationId = newId('gen');
  const objectKey = `sources/${assetId}/${newId('upl')}`;
  await objects.put(objectKey, createReadStream(file));
  await tell(GenerationRequestedSchema, { assetId, generationId, source: { objectKey }, profile: wanted });
  return { assetId, generationId, jobId: `job_${generationId.slice(4)}` };
}

async function keysBelow(prefix: string): Promise<string[]> {
  return (await Array.fromAsync(objects.list(prefix))).map(({ key }) => key);
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => new Error('the call went well'),
    (caught: unknown) => caught,
  );
  return fromConnectError(ConnectError.from(error)).reason;
}

const clip = () => makeMedia('clip', { seconds: 6 });

test('a source becomes segments of every track, measured, with a poster', async () => {
  const { assetId, generationId, jobId } = await request(await clip());
  await waitUntil(() => finishedEvents.some((each) => each.jobId === jobId), { timeoutMs: 50_000 });
  const planned = plannedEvents.find((each) => each.jobId === jobId);
  const done = finishedEvents.find((each) => each.jobId === jobId);
  expect(planned).toMatchObject({ assetId, generationId });
  expect(planned?.grid).toMatchObject({ segmentCount: 6, frameCount: 180n, framesPerSegment: 30 });
  expect(done?.hasPoster).toBe(true);
  const names = done?.tracks.map(({ name }) => name) ?? [];
  expect(names).toEqual(['video/h264-180p', 'video/h264-96p', expect.stringMatching(/^audio\/aac-und-/)]);
  expect(finishedTracks).toEqual(expect.arrayContaining(names));
  for (const track of done?.tracks ?? []) {
    expect(track).toMatchObject({ complete: true });
    const stored = await Array.fromAsync(objects.list(`media/${assetId}/${generationId}/${track.name}/`));
    const media = stored.filter(({ key }) => key.endsWith('.m4s'));
    expect(media.length).toBe(6);
    expect(Number(track.sizeBytes)).toBe(media.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    expect(track.peakBandwidthBps).toBeGreaterThanOrEqual(track.averageBandwidthBps);
  }
  expect(await keysBelow(`media/${assetId}/${generationId}/images/`)).toHaveLength(1);
  const { job } = await jobs.getJob({ jobId });
  expect(job).toMatchObject({ state: JobState.FINISHED, progress: 1, finishedChunkCount: job?.chunkCount });
  expect(job?.tracks.every((track) => track.finishedSegmentCount === 6)).toBe(true);
});

test('several codecs stand side by side in one asset', async () => {
  const wanted = create(ProfileSchema, {
    name: 'codecs',
    preset: 'ultrafast',
    segmentMs: 1000,
    renditions: [VideoCodec.H264, VideoCodec.AV1].map((codec) => ({ shortSide: 96, codec })),
    audios: [AudioCodec.AAC, AudioCodec.OPUS].map((codec) => ({ codec })),
  });
  const { assetId, generationId, jobId } = await request(await makeMedia('codecs', { seconds: 3 }), wanted);
  await waitUntil(() => finishedEvents.some((each) => each.jobId === jobId), { timeoutMs: 50_000 });
  const tracks = finishedEvents.find((each) => each.jobId === jobId)?.tracks ?? [];
  expect(tracks.map(({ name, codec, audio }) => [name, codec, audio?.group])).toEqual([
    ['video/h264-96p', expect.stringMatching(/^avc1\./), undefined],
    ['video/av1-96p', expect.stringMatching(/^av01\.0\.\d\dM\.08$/), undefined],
    [expect.stringMatching(/^audio\/aac-und-/), 'mp4a.40.2', 'aac-1'],
    [expect.stringMatching(/^audio\/opus-und-/), 'opus', 'opus-2'],
  ]);
  for (const track of tracks) {
    const stored = await keysBelow(`media/${assetId}/${generationId}/${track.name}/`);
    expect(stored.filter((key) => key.endsWith('.m4s'))).toHaveLength(3);
    expect(track.complete).toBe(true);
  }
  const { job } = await jobs.getJob({ jobId });
  expect(job?.state).toBe(JobState.FINISHED);
});

test('a request that comes again is answered again, and nothing is encoded twice', async () => {
  const ids = await request(await clip());
  await waitUntil(() => finishedEvents.some((each) => each.jobId === ids.jobId), { timeoutMs: 50_000 });
  const { chunks } = await jobs.listChunks({ jobId: ids.jobId });
  await tell(GenerationRequestedSchema, { ...ids, source: { objectKey: 'sources/x' }, profile: profile() });
  await waitUntil(() => finishedEvents.filter((each) => each.jobId === ids.jobId).length === 2);
  expect((await jobs.listChunks({ jobId: ids.jobId })).chunks).toEqual(chunks);
  expect(chunks.every(({ attempts, state }) => attempts === 1 && state === ChunkState.FINISHED)).toBe(true);
});

test('what is no media fails with its reason and leaves nothing', async () => {
  const file = join(directory, 'text.mp4');
  await writeFile(file, 'This is only text.\n'.repeat(100));
  const { assetId, jobId } = await request(file);
  await waitUntil(() => failedEvents.some((each) => each.jobId === jobId));
  expect(failedEvents.find((each) => each.jobId === jobId)?.failure?.reason).toBe('SOURCE_NOT_MEDIA');
  expect(await keysBelow(`media/${assetId}/`)).toEqual([]);
  expect(await reasonOf(jobs.cancelJob({ jobId }))).toBe('JOB_ENDED');
});

test('a cancelled job stops, cleans up and can run again', async () => {
  const slow = await makeMedia('slow', { seconds: 40, video: { width: 1280, height: 720 } });
  const { assetId, jobId } = await request(slow, profile({ preset: 'slower' }));
  await waitUntil(
    async () => (await jobs.getJob({ jobId }).catch(() => undefined))?.job?.state === JobState.RUNNING,
  );
  const states: JobState[] = [];
  const watching = (async () => {
    for await (const { job } of jobs.watchJob({ jobId })) states.push(job?.state ?? 0);
  })();
  await waitUntil(async () => (await keysBelow(`media/${assetId}/`)).length > 0, { timeoutMs: 30_000 });
  await jobs.cancelJob({ jobId });
  await watching;
  expect(states.at(-1)).toBe(JobState.CANCELLED);
  await waitUntil(() => failedEvents.some((each) => each.jobId === jobId), { timeoutMs: 20_000 });
  expect(await keysBelow(`media/${assetId}/`)).toEqual([]);
  await jobs.retryJob({ jobId });
  expect(await reasonOf(jobs.retryJob({ jobId }))).toBe('JOB_NOT_ENDED');
  await waitUntil(async () => (await keysBelow(`media/${assetId}/`)).length > 0, { timeoutMs: 30_000 });
  await tell(AssetDeletionRequestedSchema, { assetId });
  await waitUntil(() => deleted.includes(assetId), { timeoutMs: 20_000 });
  expect(await keysBelow(`media/${assetId}/`)).toEqual([]);
  expect(await reasonOf(jobs.getJob({ jobId }))).toBe('JOB_NOT_FOUND');
});

test('a segment that is asked for comes, and an unknown one is refused', async () => {
  const { assetId, generationId, jobId } = await request(await clip());
  await waitUntil(() => plannedEvents.some((each) => each.jobId === jobId));
  const track = 'video/h264-96p';
  const { objectKey } = await segments.ensureSegment({ generationId, track, segment: 6 });
  expect(objectKey).toBe(`media/${assetId}/${generationId}/${track}/6.m4s`);
  expect(await objects.head(objectKey)).toBeDefined();
  expect(await reasonOf(segments.ensureSegment({ generationId, track, segment: 7 }))).toBe(
    'SEGMENT_NOT_IN_PLAN',
  );
  expect(await reasonOf(segments.ensureSegment({ generationId: newId('gen'), track, segment: 1 }))).toBe(
    'GENERATION_NOT_FOUND',
  );
  await waitUntil(() => finishedEvents.some((each) => each.jobId === jobId), { timeoutMs: 50_000 });
  await objects.delete(objectKey);
  expect(await reasonOf(segments.ensureSegment({ generationId, track, segment: 6 }))).toBe('SEGMENT_LOST');
});
