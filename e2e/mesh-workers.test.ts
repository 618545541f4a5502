import { rm } from 'node:fs/promises';
import { AssetState } from '@kerkis/contracts/catalog';
import { ChunkState } from '@kerkis/contracts/transcode';
import { makeMedia, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli, type UploadDone, uploadFile } from './harness/cli.ts';
import { decode, pictures } from './harness/decode.ts';
import { type DistributedMesh, startDistributed, type Worker } from './harness/distributed.ts';
import { descendants, stillRunning } from './harness/process-table.ts';
import { tellOnFailure } from './harness/tell-on-failure.ts';

/** Slow enough that there is a middle of the job. */
const profile = {
  renditions: [360, 240, 144].map((shortSide) => ({ shortSide, crf: 30 })),
  audio: [{ bitrateBps: 64_000 }],
  segmentSeconds: 1,
  preset: 'medium',
};

let mesh: DistributedMesh;

beforeAll(async () => {
  mesh = await startDistributed({
    settings: {
      KERKIS_PROFILES: JSON.stringify({ ladder: profile }),
      KERKIS_TRANSCODE_PLANNER_CHUNK_SECONDS: '2',
      KERKIS_TRANSCODE_WORKER_SLOTS: '1',
    },
  });
});

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

tellOnFailure(() => mesh);

const film = () => makeMedia('e2e-shared', { seconds: 16, video: { width: 1280, height: 720 } });

/** Uploads the film, calls `disturb` once its job is in full swing, and tells what came out. */
async function encode(title: string, disturb: () => Promise<void> = async () => {}) {
  const uploading = uploadFile(mesh.url, await film(), ['--title', title]);
  // It may fail before it is awaited.
  uploading.catch(() => {});
  const assetId = await waitUntil(
    async () => (await mesh.clients.assets.listAssets({})).assets.find((asset) => asset.title === title)?.id,
    { what: 'the asset' },
  );
  await waitUntil(
    async () => {
      const chunks = await mesh.clients.chunks(assetId);
      const count = (state: ChunkState) => chunks.filter((chunk) => chunk.state === state).length;
      return count(ChunkState.FINISHED) >= 1 && count(ChunkState.RUNNING) >= 2;
    },
    { what: 'a job in full swing', timeoutMs: 60_000, intervalMs: 50 },
  );
  await disturb();
  const { playbackUrl } = await uploading;
  const streams = await decode(playbackUrl);
  return { chunks: await mesh.clients.chunks(assetId), pictures: pictures(streams), streams };
}

/** Chunks that a worker has encoded and committed, as its metrics say. */
async function finishedChunks({ url }: Worker): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^kerkis_chunk_duration\w*_count\{.*outcome="finished".*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('two workers', () => {
  let undisturbed: Awaited<ReturnType<typeof encode>>;

  test('share one job', async () => {
    undisturbed = await encode('undisturbed');
    const { chunks } = undisturbed;
    expect(chunks.length).toBeGreaterThanOrEqual(4);
    expect(chunks.every(({ state }) => state === ChunkState.FINISHED)).toBe(true);
    const [one = 0, two = 0] = await Promise.all(mesh.workers.map(finishedChunks));
    expect(one).toBeGreaterThan(0);
    expect(two).toBeGreaterThan(0);
    expect(one + two).toBe(chunks.length);
    expect(Object.keys(undisturbed.pictures)).toHaveLength(3);
  });

  test('a viewer who is ahead of them gets the last segment first', async () => {
    const { exitCode, events, stderr } = await runCli(mesh.url, [
      'upload',
      await film(),
      '--wait',
      'playable',
    ]);
    expect(exitCode, stderr).toBe(0);
    const { assetId, playbackUrl } = events.at(-1) as unknown as UploadDone;
    const last = String(playbackUrl).replace('master.m3u8', 'video/h264-144p/16.m4s');
    expect((await fetch(last)).status).toBe(200);
    expect((await mesh.clients.asset(assetId)).state).toBe(AssetState.PLAYABLE);
    await runCli(mesh.url, ['asset', 'delete', assetId]);
    await waitUntil(async () => !(await mesh.objectKeys()).some((key) => key.includes(assetId)), {
      what: 'a deletion in mid-job that leaves nothing',
      timeoutMs: 30_000,
    });
  });

  test('NATS killed and its store wiped in mid-job: READY, and the same pictures', async () => {
    const { nats } = mesh;
    const disturbed = await encode('wiped', async () => {
      await nats.kill();
      await rm(nats.storeDir, { recursive: true });
      await nats.restart();
    });
    expect(disturbed.chunks.every(({ state }) => state === ChunkState.FINISHED)).toBe(true);
    expect(disturbed.pictures).toEqual(undisturbed.pictures);
  });

  test('kill -9 of one in mid-job: READY, the same pictures, and no ffmpeg left behind', async () => {
    const [{ process: victim }] = mesh.workers as readonly [Worker];
    let children = descendants(victim.pid);
    const disturbed = await encode('killed', async () => {
      children = await waitUntil(
        () => {
          const found = descendants(victim.pid);
          return found.some(({ name }) => name === 'ffmpeg') ? found : undefined;
        },
        { what: 'ffmpeg below the worker', intervalMs: 5 },
      );
      victim.signal('SIGKILL');
      await victim.ended;
      await waitUntil(() => stillRunning(children).length === 0, {
        what: 'the end of ffmpeg',
        timeoutMs: 5_000,
      });
    });
    expect(children.length).toBeGreaterThan(0);
    expect(disturbed.chunks.every(({ state }) => state === ChunkState.FINISHED)).toBe(true);
    expect(disturbed.chunks.some(({ attempts }) => attempts > 1)).toBe(true);
    expect(disturbed.pictures).toEqual(undisturbed.pictures);
    expect(disturbed.streams.map(({ sampleCount }) => sampleCount)).toEqual(
      undisturbed.streams.map(({ sampleCount }) => sampleCount),
    );
  });
});
