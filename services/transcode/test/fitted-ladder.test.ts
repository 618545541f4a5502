// Ladders that follow their content, by real ffmpeg on real stores.
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { parseConfig } from '@kerkis/config';
import { GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { LadderMode, ProfileSchema } from '@kerkis/contracts/media';
import { ChunkState, LadderChange } from '@kerkis/contracts/transcode';
import {
  type JobFinished,
  JobFinishedSchema,
  type TracksRevised,
  TracksRevisedSchema,
} from '@kerkis/contracts/transcode/events';
import { consume, event, startRelay } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { locateMediaTools } from '@kerkis/media';
import { openResources } from '@kerkis/mesh';
import type { ObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import { startNats, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTranscode } from '../src/service.ts';
import { type ChunkStore, chunkStore } from '../src/store/chunks.ts';
import { type JobStore, jobStore } from '../src/store/jobs.ts';

const run = promisify(execFile);
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let directory: string;
let objects: ObjectStore;
let jobs: JobStore;
let chunks: ChunkStore;
let tell: <S extends DescMessage>(schema: S, message: MessageInitShape<S>) => Promise<void>;
const finishedEvents: JobFinished[] = [];
const revisions: TracksRevised[] = [];

beforeAll(async () => {
  const nats = stack.use(await startNats());
  directory = stack.use(await tempDir()).path;
  const config = parseConfig(
    `{ dataDirectory: ${directory}, transcode: { planner: { chunkSeconds: 2 }, worker: { slots: 2, niceness: 0 } } }`,
  );
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'transcode', version: '0', ...config.telemetry, logLevel: 'silent' }),
  );
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url }),
  );
  const mesh = resources.meshFor('transcode');
  const database = await mesh.database();
  [objects, jobs, chunks] = [await mesh.objects(), jobStore(database), chunkStore(database)];
  stack.use(await startTranscode(mesh, { reconcileMs: 300, staleMs: 2_000, drainMs: 500 }));
  const outbox = database.collection<{ id: string }>({ name: 'others', indexes: {} });
  const relay = stack.use(startRelay({ bus: mesh.bus, collections: [outbox] }));
  tell = async (schema, message) => {
    await outbox.insert({ id: newId('evt') }, [
      event(schema, message, { subjectId: 'test', source: 'test' }),
    ]);
    await relay.flush();
  };
  stack.use(
    consume(mesh.bus, {
      schema: JobFinishedSchema,
      durable: 'test-finished',
      handler: async (message) => void finishedEvents.push(message),
    }),
  );
  stack.use(
    consume(mesh.bus, {
      schema: TracksRevisedSchema,
      durable: 'test-revised',
      handler: async (message) => void revisions.push(message),
    }),
  );
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
