// What is answered from memory before any handler is what the handlers answer, to the same people.
import { Agent } from 'node:http';
import { AssetUpdatedSchema } from '@kerkis/contracts/catalog/events';
import { announce } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Answer, type Edge, fetchRaw, generationOf, publish, startEdge } from './edge-fixture.ts';
import { addKey, outcomeOf, publishSigned, revokeKey } from './signed.ts';

const track = 'video/h264-90p';
const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
const presentation = {
  durationMs: 4_000_000,
  tracks: [
    {
      name: track,
      kind: 'video' as const,
      codec: 'avc1.42c01e',
      timescale: 1000,
      segments: [
        { count: 1000, duration: 2001 },
        { count: 1000, duration: 1999 },
      ],
      peakBandwidthBps: 1,
      averageBandwidthBps: 1,
      video: { width: 160, height: 90, frameRate: { num: 25, den: 1 } },
    },
  ],
};

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
stack.defer(() => agent.destroy());
let edge: Edge;

beforeAll(async () => {
  edge = stack.use(
    await startEdge({ config: 'delivery: {corsOrigins: ["https://player.test"], manifestTtlSeconds: 3600}' }),
  );
});

async function store(generation: { readonly assetId: string; readonly id: string }): Promise<void> {
  const prefix = `media/${generation.assetId}/${generation.id}`;
  for (const name of [`${track}/init.mp4`, `${track}/1.m4s`, `${track}/2.m4s`, 'images/poster.jpg'])
    await edge.store.put(`${prefix}/${name}`, bytes);
}

function changed(assetId: string): void {
  announce(
    edge.bus,
    AssetUpdatedSchema,
    { asset: { id: assetId } },
    { subjectId: assetId, source: 'catalog' },
  );
}

/** On a connection that is kept: the fast path may answer. `edge.get` asks for its end, and so gets to the handlers. */
const fast = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetchRaw({ port: edge.port, path, headers, method, agent });

async function recalled(): Promise<number> {
  const { body } = await edge.get('/metrics');
  const lines = body.toString().matchAll(/^kerkis_delivery_recalled\S* (\d+)/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

function comparable({ status, headers, body }: Answer) {
  const { date: _date, connection: _connection, 'keep-alive': _keepAlive, ...rest } = headers;
  return { status, headers: rest, body: body.toString('latin1') };
}

describe('a public playback', () => {
  const requests: [name: string, headers: Record<string, string>, method?: string][] = [
    ['master.m3u8', { 'accept-encoding': 'gzip, deflate, br' }],
    [`${track}/media.m3u8`, { 'accept-encoding': 'gzip, deflate, br' }],
    [`${track}/media.m3u8`, { 'accept-encoding': 'gzip' }],
    [`${track}/media.m3u8`, {}],
    [`${track}/media.m3u8`, { 'accept-encoding': 'br' }, 'HEAD'],
    ['manifest.mpd', { origin: 'https://player.test' }],
    ['manifest.mpd', { origin: 'https://other.test' }],
    [`${track}/init.mp4`, {}],
    [`${track}/1.m4s`, {}],
    [`${track}/1.m4s`, {}, 'HEAD'],
    [`${track}/1.m4s`, { origin: 'https://player.test' }],
    [`${track}/1.m4s`, { range: 'bytes=5-99' }],
    [`${track}/1.m4s`, { range: 'bytes=5-99' }, 'HEAD'],
    [`${track}/1.m4s`, { range: 'bytes=-7' }],
    [`${track}/1.m4s`, { range: 'bytes=99999-' }],
    [`${track}/1.m4s`, { range: 'bytes=0-1,5-6' }],
    [`${track}/1.m4s`, { range: `bytes=${Array.from({ length: 1000 }, (_, i) => `${i}-`).join()}` }],
    [`${track}/1.m4s`, { range: 'bytes=5-9', 'if-range': '"other"' }],
    [`${track}/1.m4s`, { range: 'pages=1-2' }],
    [`${track}/1.m4s`, { 'if-none-match': '*' }],
    [`${track}/1.m4s`, { 'if-none-match': '"other"' }],
    [`${track}/1.m4s`, { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }],
    [`${track}/1.m4s?CMCD=br%3D100`, {}],
    ['poster.jpg', {}],
  ];

  test.each(requests)(
    '%s %o %s is the same',
    async (name: string, headers: Record<string, string>, method?: string) => {
      const generation = generationOf(presentation, newId('ast'));
      const { base } = publish(edge, generation);
      await store(generation);
      const path = `${base}/${name}`;
      // Once for memory, once for what is compressed when it is first asked for.
      const ordinary = [await edge.get(path, headers, method), await edge.get(path, headers, method)];
      const before = await recalled();
      const answer = await fast(path, headers, method);
      expect(await recalled()).toBe(before + 1);
      expect(comparable(answer)).toEqual(comparable(ordinary[1] as Answer));
    },
  );

  test('failures, traced requests and queries that say more are left to the handlers', async () => {
    const generation = generationOf(presentation, newId('ast'));
    const { base } = publish(edge, generation);
    await store(generation);
    const path = `${base}/${track}/1.m4s`;
    await edge.get(path);
    const before = await recalled();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const statuses = [
      await fast(path, { range: 'bytes=100000-' }),
      await fast(path, { 'if-match': '"other"' }),
      await fast(path, {}, 'OPTIONS'),
      await fast(`${path}?g=AAAAAAAAAAAAAAAAAAAAAA`),
      await fast(`${path}?g=-`),
      await fast(`${path}?other=1`),
      await fast(path, { traceparent }),
      await fast(`${path}/`),
    ].map(({ status }) => status);
    expect(statuses).toEqual([416, 412, 204, 404, 404, 200, 200, 404]);
    expect(await recalled()).toBe(before);
  });

  test('what changes is not remembered: another generation, its end, an object that leaves memory', async () => {
    const assetId = newId('ast');
    const first = generationOf(presentation, assetId);
    const { base, playbackId } = publish(edge, first);
    await store(first);
    const path = `${base}/${track}/1.m4s`;
    await edge.get(path);
    const before = await recalled();
    expect((await fast(path)).body).toEqual(bytes);
    expect(await recalled()).toBe(before + 1);
    const second = generationOf(presentation, assetId);
    publish(edge, second, { playbackId });
    await edge.store.put(`media/${assetId}/${second.id}/${track}/1.m4s`, Buffer.from('other'));
    changed(assetId);
    await vi.waitFor(async () => expect((await fast(path)).body.toString()).toBe('other'), 10_000);
    edge.catalog.playbacks.delete(playbackId);
    changed(assetId);
    await vi.waitFor(async () => expect((await fast(path)).status).toBe(404), 10_000);
  });
});

describe('a signed playback', () => {
  test('who is let in gets it from memory; who is not gets the same refusal as ever', async () => {
    const key = await addKey(edge);
    const generation = generationOf(presentation, newId('ast'));
    const signed = publishSigned(edge, generation, key);
    await store(generation);
    const path = `${signed.base}/${track}/1.m4s`;
    const token = await signed.sign();
    const other = await publishSigned(edge, generationOf(presentation, newId('ast')), key).sign();
    expect((await edge.get(`${path}?token=${token}`)).status).toBe(200);
    const before = await recalled();
    const answers = [
      await fast(`${path}?token=${token}`),
      await fast(path, { authorization: `Bearer ${token}` }),
      await fast(path, { cookie: `a=b; kerkis_token=${token}` }),
    ];
    for (const answer of answers) {
      expect(answer.headers['cache-control']).toMatch(/^private, /);
      expect(answer.body).toEqual(bytes);
    }
    expect(await recalled()).toBe(before + 3);

    const refused = [
      await fast(path),
      await fast(`${path}?token=${token}x`),
      await fast(`${path}?token=${token}&token=${token}`),
      await fast(`${path}?token=${other}`),
      await fast(`${path}?token=${await signed.sign({ notBefore: new Date(Date.now() + 3_600_000) })}`),
      await fast(`${path}?token=${await signed.sign({ addressRanges: ['10.9.9.9'] })}`),
      await fast(`${path}?token=${await signed.sign({ previewSeconds: 1, maxHeight: 1 })}`),
    ].map(outcomeOf);
    expect(refused.every((outcome) => outcome.startsWith('403 PLAYBACK_'))).toBe(true);
    expect(await recalled()).toBe(before + 3);
  });

  test('each token has its own playlists, and what one may not see is not another one’s', async () => {
    const key = await addKey(edge);
    const generation = generationOf(presentation, newId('ast'));
    const signed = publishSigned(edge, generation, key);
    const path = `${signed.base}/${track}/media.m3u8`;
    const [whole, preview] = [await signed.sign(), await signed.sign({ previewSeconds: 10 })];
    for (const token of [whole, preview]) {
      const ordinary = await edge.get(`${path}?token=${token}`);
      const before = await recalled();
      const answer = await fast(`${path}?token=${token}`);
      expect(await recalled()).toBe(before + 1);
      expect(comparable(answer)).toEqual(comparable(ordinary));
      expect(answer.body.toString()).toContain(token);
    }
    const lengths = await Promise.all(
      [whole, preview].map(async (token) => (await fast(`${path}?token=${token}`)).body.length),
    );
    expect(lengths[0]).toBeGreaterThan(Number(lengths[1]) * 10);
  });

  test('a token that ends, and a key that is revoked, end with it', async () => {
    const key = await addKey(edge);
    const generation = generationOf(presentation, newId('ast'));
    const signed = publishSigned(edge, generation, key);
    await store(generation);
    const path = `${signed.base}/${track}/2.m4s`;
    const [short, long] = [await signed.sign({ expiresInSeconds: 1 }), await signed.sign()];
    for (const token of [short, long]) {
      await edge.get(`${path}?token=${token}`);
      expect((await fast(`${path}?token=${token}`)).status).toBe(200);
    }
    // One second, and five of clock skew.
    await vi.waitFor(
      async () => expect(outcomeOf(await fast(`${path}?token=${short}`))).toBe('403 PLAYBACK_TOKEN_EXPIRED'),
      { timeout: 20_000, interval: 200 },
    );
    revokeKey(edge, key);
    await vi.waitFor(
      async () =>
        expect(outcomeOf(await fast(`${path}?token=${long}`))).toBe('403 PLAYBACK_TOKEN_KEY_UNKNOWN'),
      { timeout: 20_000, interval: 200 },
    );
  });
});
