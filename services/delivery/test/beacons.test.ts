// What player pages tell of a playback: taken, measured, and seen in the trace of its asset; and nothing else.
import { newId } from '@kerkis/ids';
import { type OtlpReceiver, startOtlpReceiver } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Edge, generationOf, publish, startEdge } from './edge-fixture.ts';
import { addKey, publishSigned } from './signed.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let receiver: OtlpReceiver;
let edge: Edge;
beforeAll(async () => {
  receiver = stack.use(await startOtlpReceiver());
  edge = stack.use(
    await startEdge({
      telemetry: `{logLevel: fatal, otlpEndpoint: "${receiver.endpoint}", otlpProtocol: http/json}`,
      config: 'delivery: {trustedProxies: [127.0.0.1]}',
    }),
  );
});

const presentation = { durationMs: 1000, tracks: [] };
const firstFrame = {
  event: 'first_frame',
  player: 'hls.js',
  startupMs: 640,
  sincePageMs: 2100,
  width: 1280,
  height: 720,
};

let viewers = 0;

/** Posts as `sendBeacon` does: as text; each from a viewer of its own unless one is named. */
async function send(base: string, beacon: unknown, { address = `192.0.2.${++viewers}`, query = '' } = {}) {
  const response = await fetch(`${edge.url}${base}/beacon${query}`, {
    method: 'POST',
    body: typeof beacon === 'string' ? beacon : JSON.stringify(beacon),
    headers: { 'x-forwarded-for': address },
  });
  const text = await response.text();
  return { response, outcome: text ? `${response.status} ${JSON.parse(text).reason}` : `${response.status}` };
}

function publishTraced(traceParent: string) {
  const made = publish(edge, generationOf(presentation, newId('ast')));
  Object.assign(edge.catalog.playbacks.get(made.playbackId)?.asset ?? {}, { traceParent });
  return made;
}

const metrics = async () => (await edge.get('/metrics')).body.toString();

test('the first frame is one span in the trace of the asset; those that follow link to it', async () => {
  const traceId = '1af7651916cd43dd8448eb211c80319c';
  const { base, playbackId, assetId } = publishTraced(`00-${traceId}-b7ad6b7169203331-01`);
  expect((await send(base, firstFrame)).outcome).toBe('204');
  expect((await send(base, { ...firstFrame, player: 'dash.js', startupMs: 9000 })).outcome).toBe('204');

  const span = await receiver.waitForSpan(({ name }) => name === 'first frame');
  expect(span).toMatchObject({
    traceId,
    parentSpanId: 'b7ad6b7169203331',
    attributes: {
      'kerkis.playback.id': playbackId,
      'kerkis.asset.id': assetId,
      'kerkis.player.name': 'hls.js',
      'kerkis.player.startup_ms': 640,
      'kerkis.player.height': 720,
    },
  });
  expect(Math.round(span.durationMs)).toBe(640);
  const isPost = ({ name }: { name: string }) => name === 'POST /v/{playbackId}/beacon';
  await receiver.waitForSpan(
    (posted) => isPost(posted) && posted.links.some((link) => link.traceId === traceId),
  );
  expect(span.links.map((link) => link.traceId)).toContain(receiver.spans.find(isPost)?.traceId);
  expect(receiver.trace(traceId).map(({ name }) => name)).toEqual(['first frame']);
});

test('all else is metrics, without ids', async () => {
  const { base } = publish(edge, generationOf(presentation, newId('ast')));
  for (const beacon of [
    { event: 'stall', player: 'dash.js', count: 3, durationMs: 1500 },
    { event: 'watched', player: 'dash.js', durationMs: 61_000 },
    { event: 'error', player: 'dash.js', code: 'network', fatal: false },
  ])
    expect((await send(base, beacon)).outcome).toBe('204');
  const told = await metrics();
  expect(told).toMatch(/kerkis_player_startup\w*_count\{[^}]*player="hls.js"[^}]*\} 1$/m);
  expect(told).toMatch(/kerkis_player_stalls\w*\{[^}]*player="dash.js"[^}]*\} 3$/m);
  expect(told).toMatch(/kerkis_player_stall_time\w*\{[^}]*player="dash.js"[^}]*\} 1.5$/m);
  expect(told).toMatch(/kerkis_player_watched\w*\{[^}]*player="dash.js"[^}]*\} 61$/m);
  expect(told).toMatch(/kerkis_player_errors\w*\{(?=[^}]*code="network")(?=[^}]*fatal="false")[^}]*\} 1$/m);
  expect(told).not.toMatch(/(pbk|ast|gen)_[0-9a-f]/);
});

test('what is no beacon is refused', async () => {
  const { base } = publish(edge, generationOf(presentation, newId('ast')));
  expect((await send(base, 'first_frame')).outcome).toBe('400 BEACON_INVALID');
  expect((await send(base, { ...firstFrame, traceparent: '00-' })).outcome).toBe('400 BEACON_INVALID');
  expect((await send(base, { ...firstFrame, note: 'x'.repeat(600) })).outcome).toBe('413 BEACON_TOO_LARGE');
  expect((await send(`/v/${newId('pbk')}`, firstFrame)).outcome).toBe('404 PLAYBACK_ID_NOT_FOUND');
  // In chunks, so that no header tells how long it is.
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(200).fill(32)),
  });
  const chunked = await fetch(`${edge.url}${base}/beacon`, {
    ...{ method: 'POST', body: endless, duplex: 'half' },
    headers: { 'x-forwarded-for': '192.0.2.250' },
  }).catch(() => undefined);
  expect([413, undefined]).toContain(chunked?.status);
  expect((await edge.get(`${base}/beacon`)).status).toBe(405);
});

test('pages elsewhere may send them: preflight and CORS', async () => {
  const { base } = publish(edge, generationOf(presentation, newId('ast')));
  const preflight = await fetch(`${edge.url}${base}/beacon`, {
    method: 'OPTIONS',
    headers: { origin: 'https://studio.example.com', 'access-control-request-method': 'POST' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-methods')).toBe('POST, OPTIONS');
  expect((await send(base, firstFrame)).response.headers.get('access-control-allow-origin')).toBe('*');
});

test('of a signed playback only whoever may play tells', async () => {
  const key = await addKey(edge);
  const { base, sign } = publishSigned(edge, generationOf(presentation, newId('ast')), key);
  expect((await send(base, firstFrame)).outcome).toBe('403 PLAYBACK_TOKEN_REQUIRED');
  const query = `?token=${await sign()}`;
  expect((await send(base, firstFrame, { query })).outcome).toBe('204');
});

test('one address cannot send without end, and others still can', async () => {
  const { base } = publish(edge, generationOf(presentation, newId('ast')));
  const beacon = { event: 'watched', player: 'native', durationMs: 1 };
  const address = '198.51.100.7';
  const outcomes = await Promise.all(Array.from({ length: 150 }, () => send(base, beacon, { address })));
  const limited = outcomes.filter(({ outcome }) => outcome === '429 BEACON_RATE_EXCEEDED');
  expect(limited.length).toBeGreaterThan(0);
  expect(limited[0]?.response.headers.get('retry-after')).toBe('10');
  expect((await send(base, beacon)).outcome).toBe('204');
  expect(await metrics()).toMatch(/kerkis_player_beacons\w*\{[^}]*outcome="limited"[^}]*\} [1-9]/m);
});
