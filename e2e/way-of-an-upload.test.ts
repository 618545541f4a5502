import { AssetState, type Generation } from '@kerkis/contracts/catalog';
import { TrackKind } from '@kerkis/contracts/media';
import { makeMedia, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli, uploadFile } from './harness/cli.ts';
import { decode } from './harness/decode.ts';
import { startDistributed } from './harness/distributed.ts';
import { startEmbedded } from './harness/embedded.ts';
import { expectWhole } from './harness/expect-whole.ts';
import { tellOnFailure } from './harness/tell-on-failure.ts';
import type { TestMesh } from './harness/test-mesh.ts';

const manifests = ['master.m3u8', 'manifest.mpd'];

describe.each([
  { name: 'embedded', start: startEmbedded },
  { name: 'every service a process of its own', start: startDistributed },
])('$name', ({ start }) => {
  let mesh: TestMesh;

  beforeAll(async () => {
    mesh = await start();
  });

  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  tellOnFailure(() => mesh);

  const edge = (playbackId: string, path: string) => `${mesh.url}/v/${playbackId}/${path}`;

  test('a film with sound: every frame and sample comes back, and a deletion leaves nothing', async () => {
    const video = { width: 1280, height: 720 };
    const done = await uploadFile(mesh.url, await makeMedia('e2e-film', { seconds: 7, video }));
    expect(done).toMatchObject({ state: 'READY', playbackUrl: edge(done.playbackId, 'master.m3u8') });
    const generation = await mesh.clients.generation(done.assetId);
    expect(sizesOf(generation)).toEqual(['640x360', '426x240', '256x144']);
    expect(generation.grid?.frameCount).toBe(210n);

    const master = await text(done.playbackUrl);
    const variants = master.split('\n').filter((line) => line.startsWith('#EXT-X-STREAM-INF:'));
    expect(variants).toHaveLength(3);
    for (const variant of variants) {
      expect(variant).toMatch(/[:,]BANDWIDTH=\d+/);
      expect(variant).toMatch(/,AVERAGE-BANDWIDTH=\d+/);
      expect(variant).toMatch(/,CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"/);
      expect(variant).toMatch(/,RESOLUTION=\d+x\d+/);
      expect(variant).toMatch(/,FRAME-RATE=30\.000/);
    }
    for (const manifest of manifests) {
      expectWhole(generation, await decode(edge(done.playbackId, manifest)));
    }
    const poster = await fetch(edge(done.playbackId, 'poster.jpg'));
    expect([poster.status, poster.headers.get('content-type')]).toEqual([200, 'image/jpeg']);

    expect(await mesh.objectKeys()).toEqual(
      expect.arrayContaining([expect.stringContaining(`${done.assetId}/`)]),
    );
    const deleted = await runCli(mesh.url, ['asset', 'delete', done.assetId]);
    expect(deleted.exitCode, deleted.stderr).toBe(0);
    await gone(mesh, done.assetId);
    expect((await mesh.objectKeys()).filter((key) => key.includes(done.assetId))).toEqual([]);
    for (const path of [...manifests, 'video/h264-144p/init.mp4', 'video/h264-144p/1.m4s', 'poster.jpg']) {
      // Caches may answer for as long as a manifest lives.
      await waitUntil(async () => (await fetch(edge(done.playbackId, path))).status === 404, {
        what: `404 of ${path}`,
      });
    }
  });

  test('pictures without sound', async () => {
    const file = await makeMedia('e2e-silent', { seconds: 5, audio: false });
    const { assetId, playbackId, playbackUrl } = await uploadFile(mesh.url, file);
    const generation = await mesh.clients.generation(assetId);
    expect(generation.tracks.map(({ kind }) => kind)).not.toContain(TrackKind.AUDIO);
    expect(await text(playbackUrl)).not.toMatch(/mp4a|TYPE=AUDIO/);
    for (const manifest of manifests) expectWhole(generation, await decode(edge(playbackId, manifest)));
  });

  test('sound alone, with a cover', async () => {
    const audio = { sampleRate: 44_100 };
    const spec = { seconds: 8, video: false, container: 'mp3', cover: true, audio } as const;
    const { assetId, playbackId, playbackUrl } = await uploadFile(
      mesh.url,
      await makeMedia('e2e-podcast', spec),
    );
    const generation = await mesh.clients.generation(assetId);
    expect(generation.tracks.map(({ kind }) => kind)).toEqual([TrackKind.AUDIO]);
    expect(await text(playbackUrl)).not.toMatch(/avc1|RESOLUTION/);
    for (const manifest of manifests) expectWhole(generation, await decode(edge(playbackId, manifest)));
    expect((await fetch(edge(playbackId, 'poster.jpg'))).status).toBe(200);
  });

  test.each([
    { title: 'portrait', video: { width: 360, height: 640 } },
    { title: 'turned by a quarter', video: { width: 640, height: 360, rotation: 90 } as const },
  ])('$title', async ({ title, video }) => {
    const file = await makeMedia(`e2e-${title}`, { seconds: 3, video });
    const { assetId, playbackId } = await uploadFile(mesh.url, file);
    const generation = await mesh.clients.generation(assetId);
    expect(sizesOf(generation)).toEqual(['360x640', '240x426', '144x256']);
    expectWhole(generation, await decode(edge(playbackId, 'master.m3u8')));
  });
});

function sizesOf({ tracks }: Generation): string[] {
  return tracks.flatMap(({ video }) => (video ? [`${video.width}x${video.height}`] : []));
}

async function gone({ clients }: TestMesh, assetId: string): Promise<void> {
  await waitUntil(
    async () =>
      (await clients.assets.listAssets({ pageSize: 200 })).assets.every(({ id, state }) => {
        if (id === assetId) expect(state).toBe(AssetState.DELETING);
        return id !== assetId;
      }),
    { what: 'the asset to be gone', timeoutMs: 60_000 },
  );
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return response.text();
}
