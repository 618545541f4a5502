// `kill -9` of one of three edges while viewers follow the Routing API.
import { once } from 'node:events';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { GenerationService, PlaybackService, SigningKeyService } from '@kerkis/contracts/catalog';
import { RoutingService } from '@kerkis/contracts/delivery';
import { newId } from '@kerkis/ids';
import { openObjectStore } from '@kerkis/objects';
import { createMeshTransport, startServer } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { freePort, startNats, tempDir, waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { createCatalog, fetchRaw, generationOf, publish } from './edge-fixture.ts';
import { startEdgeProcess } from './edge-process.ts';

const track = {
  name: 'video/h264-90p',
  kind: 'video' as const,
  codec: 'avc1.64001f',
  timescale: 1000,
  segments: [{ count: 3, duration: 4000 }],
  peakBandwidthBps: 90_000,
  averageBandwidthBps: 90_000,
  video: { width: 160, height: 90, frameRate: { num: 25, den: 1 } },
};
const viewersPerPlayback = 3;
const patience = { timeoutMs: 60_000 };

test('viewers of an edge that is killed lose one request at most, and it is out of the answers', async () => {
  await using stack = new AsyncDisposableStack();
  const nats = stack.use(await startNats());
  const directory = stack.use(await tempDir('killed')).path;
  const storeDirectory = join(directory, 'objects');
  const store = stack.use(await openObjectStore({ kind: 'filesystem', directory: storeDirectory }));
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'catalog', version: '0', sampleRatio: 0, logLevel: 'fatal' }),
  );
  const catalog = createCatalog();
  const server = stack.use(
    await startServer({
      host: '127.0.0.1',
      port: 0,
      auth: 'off',
      telemetry,
      parts: [
        {
          name: 'catalog',
          telemetry,
          routes: (router) => {
            router.rpc(PlaybackService.method.lookUpPlaybackId, ({ playbackId }) =>
              catalog.lookUp(playbackId),
            );
            router.rpc(GenerationService.method.getGeneration, ({ generationId }) =>
              catalog.getGeneration(generationId),
            );
            router.rpc(SigningKeyService.method.listSigningKeys, () => catalog.listSigningKeys());
          },
        },
      ],
    }),
  );
  const ports = [await freePort(), await freePort(), await freePort()];
  const edges = await Promise.all(
    ports.map((port, index) =>
      startEdgeProcess(port, {
        KERKIS_DATA_DIRECTORY: join(directory, `${index}`),
        KERKIS_STORAGE_DIRECTORY: storeDirectory,
        KERKIS_NATS_URL: nats.url,
        KERKIS_SERVICES_CATALOG: server.url,
      }),
    ),
  );
  for (const edge of edges) stack.use(edge);
  const [killed, router] = edges;
  if (!killed || !router) throw new Error('there are three');
  const transport = stack.use(createMeshTransport({ address: `127.0.0.1:${router.port}` }));
  const routing = createClient(RoutingService, transport);
  const known = async () => (await routing.listEdges({})).edges.map(({ url }) => url);
  await waitUntil(async () => (await known()).length === 3, patience);

  const playbackIds: string[] = [];
  while (playbackIds.length < 12) {
    const generation = generationOf({ durationMs: 12_000, tracks: [track] }, newId('ast'));
    for (const name of ['init.mp4', '1.m4s', '2.m4s', '3.m4s']) {
      const key = `media/${generation.assetId}/${generation.id}/${track.name}/${name}`;
      await store.put(key, Buffer.alloc(20_000, name));
    }
    playbackIds.push(publish({ catalog }, generation).playbackId);
  }

  const stopping = new AbortController();
  const lost: number[] = [];
  const wasThere: boolean[] = [];
  let answered = 0;
  async function view(playbackId: string, viewer: number): Promise<void> {
    lost[viewer] = 0;
    wasThere[viewer] = false;
    const follow = async () => {
      const { status, headers } = await fetchRaw({ port: router?.port ?? 0, path: `/route/${playbackId}` });
      expect(status).toBe(302);
      return Number(new URL(`${headers.location}`).port);
    };
    let port = await follow();
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      wasThere[viewer] ||= port === killed?.port;
      const path = `/v/${playbackId}/${track.name}/${(n % 3) + 1}.m4s`;
      const answer = await fetchRaw({ port, path }).catch(() => undefined);
      if (answer?.status === 200 && answer.body.byteLength === 20_000) answered += 1;
      else {
        lost[viewer] = (lost[viewer] ?? 0) + 1;
        port = await follow();
      }
    }
  }
  const viewers = playbackIds.flatMap((id, at) =>
    Array.from({ length: viewersPerPlayback }, (_, i) => view(id, at * viewersPerPlayback + i)),
  );
  const viewing = Promise.all(viewers);
  stack.defer(async () => {
    stopping.abort();
    await Promise.allSettled(viewers);
  });
  await waitUntil(() => answered > 500, patience);

  killed.child.kill('SIGKILL');
  await Promise.all([
    once(killed.child, 'exit'),
    waitUntil(async () => !(await known()).includes(killed.url), { timeoutMs: 15_000 }),
  ]);
  const before = answered;
  await waitUntil(() => answered > before + 500, patience);
  stopping.abort();
  await viewing;

  expect(wasThere.filter(Boolean).length).toBeGreaterThan(0);
  expect(lost.filter((count, viewer) => count > (wasThere[viewer] ? 1 : 0))).toEqual([]);
  for (const playbackId of playbackIds) {
    const { routes } = await routing.route({ playbackId, count: 16 });
    expect(routes.map(({ edge }) => edge?.url)).not.toContain(killed.url);
    expect(routes).toHaveLength(2);
  }
}, 300_000);
