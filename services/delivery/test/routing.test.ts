import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { AssetState, PlaybackPolicy } from '@kerkis/contracts/catalog';
import { PlaybackService, RoutingService } from '@kerkis/contracts/delivery';
import { EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { announce } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { createMeshTransport } from '@kerkis/rpc';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Edge, generationOf, publish, startEdge } from './edge-fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let edge: Edge;
let routing: ReturnType<typeof createClient<typeof RoutingService>>;
let playback: ReturnType<typeof createClient<typeof PlaybackService>>;

beforeAll(async () => {
  edge = stack.use(await startEdge({ config: 'delivery: {region: here}' }));
  const transport = stack.use(createMeshTransport({ address: `127.0.0.1:${edge.port}` }));
  routing = createClient(RoutingService, transport);
  playback = createClient(PlaybackService, transport);
});

const tell = (edgeId: string, draining = false) =>
  announce(
    edge.bus,
    EdgeAnnouncedSchema,
    { edgeId, url: `https://${edgeId}.test`, region: 'far', draining },
    { subjectId: edgeId, source: 'delivery' },
  );
const known = async () => (await routing.listEdges({})).edges;

test('edges announce themselves, are chosen steadily and by region, and go when they drain', async () => {
  await waitUntil(async () =>
    (await known()).some(({ url, region }) => url === edge.url && region === 'here'),
  );
  const others = [newId('nod'), newId('nod')];
  for (const id of others) tell(id);
  await waitUntil(async () => (await known()).length === 3);

  const playbackId = newId('pbk');
  const far = await routing.route({ playbackId, region: 'far' });
  expect(far.edge?.region).toBe('far');
  expect(far.baseUrl).toBe(`${far.edge?.url}/v/${playbackId}`);
  expect(await routing.route({ playbackId, region: 'far' })).toEqual(far);
  expect((await routing.route({ playbackId, region: 'nowhere' })).edge).toEqual(
    (await routing.route({ playbackId })).edge,
  );

  const sent = await edge.get(`/route/${playbackId}?region=far`);
  expect([sent.status, sent.headers.location]).toEqual([302, `${far.baseUrl}/master.m3u8`]);

  for (const id of others) tell(id, true);
  await waitUntil(async () => (await known()).length === 1);
  expect((await edge.get(`/route/${playbackId}`)).headers.location).toBe(
    `${edge.url}/v/${playbackId}/master.m3u8`,
  );
});

test('an edge that stops says so before it stops', async () => {
  await using leaving = await startEdge();
  const heard: boolean[] = [];
  const subscription = leaving.bus.connection.subscribe('kerkis.announce.delivery.edge');
  const listening = (async () => {
    for await (const { data } of subscription) heard.push(Buffer.from(data).includes(Buffer.from([0x20, 1])));
  })();
  await waitUntil(() => heard.includes(false));
  await leaving.server[Symbol.asyncDispose]();
  await waitUntil(() => heard.includes(true));
  subscription.unsubscribe();
  await listening;
});

test('the URLs of a playback ID', async () => {
  const presentation = { durationMs: 4_000, tracks: [] };
  const { playbackId } = publish(edge, generationOf(presentation, newId('ast')));
  expect(await playback.resolvePlayback({ playbackId })).toMatchObject({
    hlsUrl: `${edge.url}/v/${playbackId}/master.m3u8`,
    dashUrl: `${edge.url}/v/${playbackId}/manifest.mpd`,
    playerUrl: `${edge.url}/play/${playbackId}`,
    posterUrl: `${edge.url}/v/${playbackId}/poster.jpg`,
    policy: PlaybackPolicy.PUBLIC,
    state: AssetState.READY,
    durationMs: 4_000n,
  });
  const unknown = await playback
    .resolvePlayback({ playbackId: newId('pbk') })
    .catch((caught: unknown) => ConnectError.from(caught));
  expect(unknown).toMatchObject({ code: Code.NotFound });
});
