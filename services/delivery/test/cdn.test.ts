// What a CDN in front of an edge sees: how long to keep what, what to purge it by, and conditions that hold or do not.
import { newId } from '@kerkis/ids';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Edge, generationOf, publish, reasonOf, startEdge } from './edge-fixture.ts';
import { addKey, publishSigned } from './signed.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const track = 'audio/aac-en-64k';
const sound = {
  durationMs: 4_000,
  tracks: [
    {
      name: track,
      kind: 'audio' as const,
      codec: 'mp4a.40.2',
      timescale: 1000,
      segments: [{ count: 1, duration: 4000 }],
      peakBandwidthBps: 1,
      averageBandwidthBps: 1,
      audio: { sampleRate: 48_000, channels: 2, language: 'en', label: '', isDefault: true },
    },
  ],
};
const artefacts = {
  storyboard: { intervalMs: 1000n, tileCount: 4, tileWidth: 160, tileHeight: 90, columns: 2, rows: 2 },
  downloads: [{ name: 'audio.mp3', contentType: 'audio/mpeg', sizeBytes: 100n }],
};
const bytes = Buffer.alloc(100, 7);
/** What is below a playback ID, and its type. */
const resources = {
  'master.m3u8': 'application/vnd.apple.mpegurl',
  'manifest.mpd': 'application/dash+xml',
  'storyboard.vtt': 'text/vtt; charset=utf-8',
  [`${track}/media.m3u8`]: 'application/vnd.apple.mpegurl',
  [`${track}/init.mp4`]: 'audio/mp4',
  [`${track}/1.m4s`]: 'audio/mp4',
  'poster.jpg': 'image/jpeg',
  'storyboard-1.jpg': 'image/jpeg',
  'download/audio.mp3': 'audio/mpeg',
};

let edge: Edge;
beforeAll(async () => {
  edge = stack.use(await startEdge());
});

async function stored() {
  const generation = generationOf(sound, newId('ast'), { artefacts });
  const prefix = `media/${generation.assetId}/${generation.id}`;
  const images = ['images/poster.jpg', 'images/storyboard-1.jpg', 'downloads/audio.mp3'];
  for (const name of [...images, `${track}/init.mp4`, `${track}/1.m4s`])
    await edge.store.put(`${prefix}/${name}`, bytes);
  return generation;
}

describe.each(Object.entries(resources))('%s', (path, type) => {
  test('is purged by its asset, playback ID or generation, whatever the answer is', async () => {
    const { base, assetId, playbackId, generation } = publish(edge, await stored());
    const full = await edge.get(`${base}/${path}`);
    const keys = [assetId, playbackId, generation.id];
    const purged = { 'surrogate-key': keys.join(' '), 'cache-tag': keys.join(',') };
    expect(full.status).toBe(200);
    expect(full.headers).toMatchObject({ ...purged, 'content-type': type });
    const known = await edge.get(`${base}/${path}`, { 'if-none-match': full.headers.etag ?? '' });
    expect([known.status, known.body.byteLength]).toEqual([304, 0]);
    expect(known.headers).toMatchObject({
      ...purged,
      etag: full.headers.etag,
      'cache-control': full.headers['cache-control'],
    });
    const { date: _, ...told } = (await edge.get(`${base}/${path}`, {}, 'HEAD')).headers;
    expect(full.headers).toMatchObject(told);
    expect(told['content-length']).toBe(String(full.body.byteLength));
  });

  test('is for a signed viewer alone', async () => {
    const { base, sign } = publishSigned(edge, await stored(), await addKey(edge));
    const { status, headers } = await edge.get(`${base}/${path}?token=${await sign()}`);
    expect([status, headers['cache-control']]).toEqual([200, expect.stringMatching(/^private, /)]);
    expect(headers).not.toHaveProperty('surrogate-key');
    expect(headers).not.toHaveProperty('cache-tag');
  });

  test('is not sent where If-Match asks for another one', async () => {
    const { base } = publish(edge, await stored());
    const { headers } = await edge.get(`${base}/${path}`);
    const refused = await edge.get(`${base}/${path}`, { 'if-match': '"other"' });
    expect([refused.status, reasonOf(refused)]).toEqual([412, 'PRECONDITION_FAILED']);
    expect(refused.headers['cache-control']).toBe('no-store');
    expect((await edge.get(`${base}/${path}`, { 'if-match': headers.etag ?? '' })).status).toBe(200);
    if (headers['last-modified'] === undefined) return;
    const before = new Date(Date.parse(headers['last-modified']) - 5000).toUTCString();
    expect((await edge.get(`${base}/${path}`, { 'if-unmodified-since': before })).status).toBe(412);
  });

  test('may be asked for by pages of any origin, with what players send', async () => {
    const { base } = publish(edge, await stored());
    const asked = { origin: 'https://player.test', 'access-control-request-method': 'GET' };
    const preflight = await edge.get(`${base}/${path}`, asked, 'OPTIONS');
    expect(preflight.status).toBe(204);
    const allowed = preflight.headers['access-control-allow-headers']?.split(', ');
    expect(allowed).toEqual(expect.arrayContaining(['range', 'authorization', 'cmcd-session', 'if-match']));
    const { headers } = await edge.get(`${base}/${path}`, { origin: 'https://player.test' });
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    });
    // The answer is the same for everybody, so caches need no copy for each origin.
    expect(headers.vary?.includes('origin') ?? false).toBe(false);
  });
});

test('failures are kept by nobody and purged by nothing', async () => {
  const { base } = publish(edge, await stored());
  const { status, headers } = await edge.get(`${base}/${track}/2.m4s`);
  expect([status, headers['cache-control']]).toEqual([404, 'no-store']);
  expect(headers).not.toHaveProperty('surrogate-key');
});
