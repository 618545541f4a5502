import { join } from 'node:path';
import { AssetState } from '@kerkis/contracts/catalog';
import { makeMedia, tempDir, waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { runCli } from './harness/cli.ts';
import { decode } from './harness/decode.ts';
import { type EmbeddedMesh, startEmbedded } from './harness/embedded.ts';
import { startProcess } from './harness/process.ts';
import { descendants, type ListedProcess, stillRunning } from './harness/process-table.ts';

const slow = {
  renditions: [{ shortSide: 480, crf: 28 }],
  audio: [{ bitrateBps: 64_000 }],
  segmentSeconds: 2,
  preset: 'slow',
};

test('npx kerkis up: ready on the port given; TERM ends it and all that it started', async () => {
  await using directory = await tempDir('e2e');
  const args = ['kerkis', 'up', '--port', '0', '--data', join(directory.path, 'data'), '--json'];
  const root = join(import.meta.dirname, '..');
  await using npx = await startProcess({ command: 'npx', args, directory: root });
  const ready = JSON.parse(await npx.line(() => true));
  expect(ready).toEqual({ event: 'ready', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await fetch(`${ready.url}${path}`)).status, path).toBe(200);
  }
  const children = descendants(npx.pid);
  expect(children.filter(({ name }) => name.startsWith('nats-server'))).toHaveLength(1);
  npx.signal('SIGTERM');
  await npx.ended;
  await gone(children);
});

test('an encode that is interrupted by TERM and by kill -9 goes on after each start', async () => {
  await using directory = await tempDir('e2e');
  const dataDirectory = join(directory.path, 'data');
  const settings = { KERKIS_PROFILES: JSON.stringify({ ladder: slow }) };
  const start = () => startEmbedded({ dataDirectory, settings });
  const video = { width: 1280, height: 720 };
  const film = await makeMedia('e2e-interrupted', { seconds: 12, video });
  let assetId: string;
  {
    await using mesh = await start();
    const { exitCode, events, stderr } = await runCli(mesh.url, ['upload', film]);
    expect(exitCode, stderr).toBe(0);
    assetId = String(events.at(-1)?.assetId);
    const children = await encoding(mesh);
    mesh.process.signal('SIGTERM');
    expect(await mesh.process.ended).toEqual({ code: 0, signal: null });
    await gone(children);
  }
  {
    await using mesh = await start();
    const children = await encoding(mesh);
    mesh.process.signal('SIGKILL');
    await mesh.process.ended;
    await gone(children);
  }
  await using mesh = await start();
  await waitUntil(async () => (await mesh.clients.asset(assetId)).state === AssetState.READY, {
    what: 'READY after two interruptions',
    timeoutMs: 120_000,
    intervalMs: 200,
  });
  const [playbackId] = (await mesh.clients.asset(assetId)).playbackIds;
  const streams = await decode(`${mesh.url}/v/${playbackId?.id}/master.m3u8`);
  expect(streams.map(({ frameCount }) => frameCount)).toContain(360);
});

/** Waits until ffmpeg encodes, and returns all child processes. */
async function encoding(mesh: EmbeddedMesh): Promise<ListedProcess[]> {
  return waitUntil(
    () => {
      const children = descendants(mesh.process.pid);
      return children.some(({ name }) => name === 'ffmpeg') ? children : undefined;
    },
    { what: 'ffmpeg', timeoutMs: 60_000, intervalMs: 10 },
  );
}

async function gone(children: readonly ListedProcess[]): Promise<void> {
  expect(children.length).toBeGreaterThan(0);
  await waitUntil(() => stillRunning(children).length === 0, {
    what: `the end of ${children.map(({ name }) => name)}`,
    timeoutMs: 5_000,
  });
}
