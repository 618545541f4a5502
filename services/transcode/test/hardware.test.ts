// A planner and two workers, of which one says that it has an encoder in hardware. Only the device is not there.
import { createReadStream } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { type KerkisConfig, parseConfig } from '@kerkis/config';
import { GenerationRequestedSchema } from '@kerkis/contracts/catalog/events';
import { ProfileSchema, TrackKind, VideoEncoder } from '@kerkis/contracts/media';
import { ChunkState, JobService, JobState, WorkerService } from '@kerkis/contracts/transcode';
import {
  JobFailedSchema,
  JobFinishedSchema,
  JobPlannedSchema,
  TracksRevisedSchema,
} from '@kerkis/contracts/transcode/events';
import { consume, event, startRelay } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { noHardware } from '@kerkis/media';
import { type Mesh, openResources, type RunningService, version } from '@kerkis/mesh';
import { createMeshTransport, startServer } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { makeMedia, startNats, tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTranscode } from '../src/service.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let mesh: Mesh;
let jobs: Client<typeof JobService>;
let workers: Client<typeof WorkerService>;
const heard: string[] = [];

beforeAll(async () => {
  const nats = stack.use(await startNats());
  const directory = stack.use(await tempDir()).path;
  const config = parseConfig(
    `{ dataDirectory: ${directory}, transcode: { planner: { chunkSeconds: 2, leaseSeconds: 5, maxAttempts: 20 }, worker: { slots: 1, niceness: 0 } } }`,
  );
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'transcode', version: '0', ...config.telemetry, logLevel: 'silent' }),
  );
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url }),
  );
  mesh = resources.meshFor('transcode');
  const planner = stack.use(await start('planner'));
  const server = stack.use(
    await startServer({
      ...{ host: '127.0.0.1', port: 0, parts: [planner.parts], auth: 'off', telemetry, drainMs: 500 },
      metricsHandler: telemetry.metricsHandler,
    }),
  );
  const transport = stack.use(createMeshTransport({ address: `127.0.0.1:${server.port}` }));
  [jobs, workers] = [createClient(JobService, transport), createClient(WorkerService, transport)];
  for (const schema of [JobPlannedSchema, TracksRevisedSchema, JobFinishedSchema, JobFailedSchema]) {
    const handler = async () => void heard.push(schema.name);
    stack.use(consume(mesh.bus, { schema, durable: `test-${schema.name}`, handler }));
  }
});

function start(
  role: KerkisConfig['transcode']['role'],
  encoders: 'h264_nvenc'[] = [],
): Promise<RunningService> {
  const config = { ...mesh.config, transcode: { ...mesh.config.transcode, role } };
  const pace = { reconcileMs: 300, staleMs: 2_000, drainMs: 500 };
  const find = async () => ({ ...noHardware, encoders });
  return startTranscode({ ...mesh, config }, pace, { find, announceMs: 500, patienceMs: 2_000 });
}

async function ask(file: string): Promise<string> {
  const [assetId, generationId] = [newId('ast'), newId('gen')];
  const objectKey = `sources/${assetId}/${newId('upl')}`;
  await (await mesh.objects()).put(objectKey, createReadStream(file));
  const profile = create(ProfileSchema, {
    ...{ name: 'test', preset: 'ultrafast', segmentMs: 1000, audios: [{}] },
    renditions: [{ shortSide: 180, encoder: VideoEncoder.NVENC }, { shortSide: 96 }],
    extras: { noPoster: true, noIframes: true, quality: false },
  });
  const outbox = (await mesh.database()).collection<{ id: string }>({ name: 'others', indexes: {} });
  await using relay = startRelay({ bus: mesh.bus, collections: [outbox] });
  const message = { assetId, generationId, source: { objectKey }, profile };
  const entry = event(GenerationRequestedSchema, message, { subjectId: assetId, source: 'test' });
  await outbox.insert({ id: newId('evt') }, [entry]);
  await relay.flush();
  return `job_${generationId.slice(4)}`;
}

const patient = { timeoutMs: 60_000 };
const listed = async () => (await workers.listWorkers({})).workers;

test('hardware is used where a worker has it, left to that one, and done without when it goes', async () => {
  const withDevice = await start('worker', ['h264_nvenc']);
  stack.use(await start('worker'));
  await waitUntil(async () => (await listed()).length === 2, patient);
  const known = await listed();
  expect(known.flatMap(({ encoders }) => encoders)).toEqual(['h264_nvenc']);
  expect(known.every((each) => each.slots === 1 && each.version === version && each.host !== '')).toBe(true);
  expect(known.every((each) => each.startTime && each.lastSeenTime && !each.draining)).toBe(true);
  const deviceId = known.find(({ encoders }) => encoders.length > 0)?.id;

  const jobId = await ask(await makeMedia('short', { seconds: 4 }));
  const store = { jobs: jobStore(await mesh.database()), chunks: chunkStore(await mesh.database()) };
  const chunksOf = (run: number) => Array.fromAsync(store.chunks.chunksOf(jobId, run));
  // The encoder cannot open its device, so the chunk comes back; everything else is made by whoever takes it.
  const upper = async () => (await chunksOf(1)).find(({ chunk }) => chunk.encoders.length > 0);
  await waitUntil(
    async () =>
      ((await upper())?.chunk.failure !== undefined &&
        (await store.jobs.findJob(jobId))?.tracks.filter(({ complete }) => complete).length === 2) === true,
    patient,
  );
  const { plan, tracks } = await store.jobs.getJob(jobId);
  expect(plan?.ladder.video.map(({ name, encoder }) => `${name} ${encoder}`)).toEqual([
    'h264-180p nvenc',
    'h264-96p software',
  ]);
  expect(tracks.filter(({ complete }) => !complete).map(({ name }) => name)).toEqual(['video/h264-180p']);
  expect((await chunksOf(1)).map(({ chunk }) => [chunk.tracks, chunk.encoders])).toContainEqual([
    ['video/h264-180p'],
    ['h264_nvenc'],
  ]);

  await withDevice[Symbol.asyncDispose]();
  await waitUntil(async () => !(await listed()).some(({ id }) => id === deviceId), patient);
  const left = await upper();
  // The other one is there all the time and leaves it alone, as long as this run goes on.
  await waitUntil(async () => {
    const now = await upper();
    if (now) expect(now.chunk).toMatchObject({ attempts: left?.chunk.attempts, workerId: '' });
    return (await store.jobs.getJob(jobId)).run === 2;
  }, patient);
  expect(left?.chunk.state).toBe(ChunkState.QUEUED);

  await waitUntil(async () => (await jobs.getJob({ jobId })).job?.state === JobState.FINISHED, patient);
  const { job } = await jobs.getJob({ jobId });
  expect(job?.restartReason?.reason).toBe('HARDWARE_GONE');
  const after = await store.jobs.getJob(jobId);
  expect(after.plan?.ladder.video.map(({ encoder }) => encoder)).toEqual(['software', 'software']);
  expect(after.tracks.map(({ kind, complete }) => [kind, complete])).toEqual([
    [TrackKind.VIDEO, true],
    [TrackKind.VIDEO, true],
    [TrackKind.AUDIO, true],
  ]);
  expect((await chunksOf(2)).every(({ chunk }) => chunk.encoders.length === 0 && chunk.attempts === 1)).toBe(
    true,
  );
  await waitUntil(() => heard.includes('JobFinished'), patient);
  expect(heard).not.toContain('JobFailed');
  expect(heard.filter((name) => name === 'JobPlanned')).toHaveLength(2);
  expect(heard).toContain('TracksRevised');
});
