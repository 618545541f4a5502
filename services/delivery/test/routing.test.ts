import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { AssetState, PlaybackPolicy } from '@kerkis/contracts/catalog';
import { EdgeState, PlaybackService, RoutingService } from '@kerkis/contracts/delivery';
import { EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { announce, openLeases, watchAnnouncements } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { createMeshTransport } from '@kerkis/rpc';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { edgeBucket } from '../src/edges/lease-record.ts';
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
const taking = async () => (await known()).filter(({ state }) => state === EdgeState.READY);

test('edges announce themselves, are chosen steadily and by region, and go when they drain', async () => {
  await waitUntil(async () =>
    (await known()).some(({ url, region }) => url === edge.url && region === 'here'),
  );
  const others = [newId('nod'), newId('nod')];
  // They say so again, as a lease is short for a busy machine.
  const telling = setInterval(() => others.forEach((id) => void tell(id)), 250);
  await waitUntil(async () => (await known()).length === 3);

  const playbackId = newId('pbk');
  const far = await routing.route({ playbackId, region: 'far', count: 16 });
  expect(far.edge?.region).toBe('far');
  expect(far.baseUrl).toBe(`${far.edge?.url}/v/${playbackId}`);
  expect(far.routes.map(({ edge: each }) => each?.region)).toEqual(['far', 'far', 'here']);
  expect(far.routes[0]).toMatchObject({ edge: { id: far.edge?.id }, baseUrl: far.baseUrl });
  expect((await routing.route({ playbackId, region: 'far' })).edge?.id).toBe(far.edge?.id);
  expect((await routing.route({ playbackId, region: 'nowhere' })).edge?.id).toBe(
    (await routing.route({ playbackId })).edge?.id,
  );

  const sent = await edge.get(`/route/${playbackId}?region=far&dash=1&token=a.b`);
  expect([sent.status, sent.headers.location]).toEqual([302, `${far.baseUrl}/master.m3u8?dash=1&token=a.b`]);
  expect(sent.headers['cache-control']).toBe('no-store');
  const hinted = await edge.get(`/route/${playbackId}`, { 'kerkis-region': 'far' });
  expect(hinted.headers).toMatchObject({
    location: `${far.baseUrl}/master.m3u8`,
    'cache-control': 'public, max-age=0, s-maxage=1',
    vary: 'kerkis-region',
  });

  clearInterval(telling);
  for (const id of others) tell(id, true);
  await waitUntil(async () => (await taking()).length === 1);
  expect((await edge.get(`/route/${playbackId}`)).headers.location).toBe(
    `${edge.url}/v/${playbackId}/master.m3u8`,
  );
});

test('an edge is drained and undrained by its id, and says so itself from then on', async () => {
  const own = async () => (await known()).find(({ url }) => url === edge.url);
  await waitUntil(async () => (await own())?.state === EdgeState.READY);
  const edgeId = (await own())?.id ?? '';
  expect((await routing.drainEdge({ edgeId })).edge?.state).toBe(EdgeState.DRAINING);
  const heard: boolean[] = [];
  using _hearing = watchAnnouncements(edge.bus, EdgeAnnouncedSchema, (told) => {
    if (told.edgeId === edgeId) heard.push(told.draining && told.drained);
  });
  await waitUntil(() => heard.length > 2);
  expect(new Set(heard)).toEqual(new Set([true]));
  expect((await own())?.state).toBe(EdgeState.DRAINING);
  expect((await routing.undrainEdge({ edgeId })).edge?.state).toBe(EdgeState.READY);
  heard.length = 0;
  await waitUntil(() => heard.length > 2);
  expect(new Set(heard)).toEqual(new Set([false]));
  const absent = await routing
    .drainEdge({ edgeId: newId('nod') })
    .catch((caught: unknown) => ConnectError.from(caught));
  expect(absent).toMatchObject({ code: Code.NotFound });
});

test('an edge that stops says so before it stops, and gives its lease up', async () => {
  await using leaving = await startEdge();
  const heard: boolean[] = [];
  using _hearing = watchAnnouncements(leaving.bus, EdgeAnnouncedSchema, ({ draining }) =>
    heard.push(draining),
  );
  const leases = openLeases(leaving.bus, { bucket: edgeBucket, ttlMs: 6_000 });
  await waitUntil(() => heard.includes(false));
  expect(await leases.list()).toHaveLength(1);
  await leaving.server[Symbol.asyncDispose]();
  await waitUntil(() => heard.includes(true));
  await leaving.service[Symbol.asyncDispose]();
  expect(await leases.list()).toEqual([]);
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
