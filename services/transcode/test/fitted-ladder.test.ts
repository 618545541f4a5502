// Ladders that follow their content, by real ffmpeg on real stores.
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { LadderMode, ProfileSchema } from '@kerkis/contracts/media';
import { ChunkState, LadderChange } from '@kerkis/contracts/transcode';
import {
  type JobFinished,
  JobFinishedSchema,
  type TracksRevised,
  TracksRevisedSchema,
} from '@kerkis/contracts/transcode/events';
import { newId } from '@kerkis/ids';
import { locateMediaTools } from '@kerkis/media';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTranscodeMesh, type TranscodeMesh } from './transcode-mesh.ts';

const run = promisify(execFile);
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let directory: string;
let objects: TranscodeMesh['objects'];
let jobs: TranscodeMesh['stores']['jobs'];
let chunks: TranscodeMesh['stores']['chunks'];
let tell: TranscodeMesh['tell'];
const finishedEvents: JobFinished[] = [];
const revisions: TracksRevised[] = [];

beforeAll(async () => {
  const started = stack.use(await startTranscodeMesh());
  ({ directory, objects, tell } = started);
  ({ jobs, chunks } = started.stores);
  started.hear(JobFinishedSchema, (message) => finishedEvents.push(message));
  started.hear(TracksRevisedSchema, (message) => revisions.push(message));
});

/** Four seconds of pictures with no more in them than 64 × 36 pixels hold, at 640 × 360. */
async function blurred(): Promise<string> {
  const { ffmpeg } = await locateMediaTools({});
  const path = join(directory, 'blurred.mp4');
  const filters = 'scale=640:360:flags=bicubic,gblur=sigma=8';
  await run(ffmpeg, [
    ...['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=s=64x36:r=25'],
    ...[
      '-t',
      '4',
      '-vf',
      filters,
      '-pix_fmt',
      'yuv420p',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-crf',
      '10',
    ],
    path,
  ]);
  return path;
}

const profile = (ladderMode: LadderMode) =>
  create(ProfileSchema, {
    name: 'test',
    preset: 'ultrafast',
    segmentMs: 1000,
    renditions: [360, 240, 120].map((shortSide) => ({ shortSide, noRemux: true })),
    ladderMode,
  });

async function encode(file: string, ladderMode: LadderMode) {
  const [assetId, generationId] = [newId('ast'), newId('gen')];
  const objectKey = `sources/${assetId}/${newId('upl')}`;
  await objects.put(objectKey, createReadStream(file));
  const source = { objectKey };
  await tell(GenerationRequestedSchema, { assetId, generationId, source, profile: profile(ladderMode) });
  const jobId = `job_${generationId.slice(4)}`;
  await waitUntil(() => finishedEvents.some((each) => each.jobId === jobId), { timeoutMs: 50_000 });
  const done = finishedEvents.find((each) => each.jobId === jobId);
  const keys = (await Array.fromAsync(objects.list(`media/${assetId}/${generationId}/video/`))).map(
    ({ key }) => key.split('/').slice(3, 5).join('/'),
  );
  return { jobId, tracks: done?.tracks ?? [], stored: [...new Set(keys)].toSorted() };
}

test('rungs that show nothing more are not made, and the job tells why', async () => {
  const film = await blurred();
  const { jobId, tracks, stored } = await encode(film, LadderMode.PER_TITLE);
  const names = tracks.map(({ name }) => name);
  expect(names).not.toContain('video/h264-360p');
  expect(names).toContain('video/h264-120p');
  expect(stored).toEqual(names.toSorted());
  const last = revisions
    .filter((each) => each.jobId === jobId)
    .toSorted((a, b) => Number(b.revision - a.revision))[0];
  expect(last?.tracks.map(({ name }) => name)).toEqual(names);
  expect(tracks.every(({ quality, complete }) => complete && (quality?.psnrDb ?? 0) > 20)).toBe(true);
  const { job } = await jobs.getJob(jobId);
  expect(job.ladderNotes).toContainEqual(
    expect.objectContaining({
      track: 'video/h264-360p',
      change: LadderChange.DROPPED,
      reason: expect.stringMatching(/\w/),
    }),
  );
  expect(job.tracks.map(({ track }) => track)).toEqual(names);
  const records = (await Array.fromAsync(chunks.chunksOf(jobId))).filter(({ side }) => !side);
  expect(records).toHaveLength(job.chunkCount);
  expect(records.every(({ chunk }) => chunk.state === ChunkState.FINISHED && chunk.attempts === 1)).toBe(
    true,
  );

  const fixed = await encode(film, LadderMode.FIXED);
  expect(fixed.tracks.map(({ name }) => name)).toEqual([
    'video/h264-360p',
    'video/h264-240p',
    'video/h264-120p',
  ]);
  expect((await jobs.getJob(fixed.jobId)).job.ladderNotes).toEqual([]);
});
