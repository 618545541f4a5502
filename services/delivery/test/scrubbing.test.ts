// Single pictures for scrubbing: I-frame playlists of HLS, image sets of DASH.
import { GenerationState } from '@kerkis/contracts/catalog';
import { newId } from '@kerkis/ids';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Edge, generationOf, publish, startEdge } from './edge-fixture.ts';
import { addKey, outcomeOf, publishSigned } from './signed.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const video = (height: number) => ({
  name: `video/h264-${height}p`,
  kind: 'video' as const,
  codec: 'avc1.64001f',
  timescale: 1000,
  segments: [{ count: 3, duration: 4000 }],
  peakBandwidthBps: height * 1000,
  averageBandwidthBps: height * 1000,
  video: { width: (height * 16) / 9, height, frameRate: { num: 25, den: 1 } },
});
const film = { durationMs: 12_000, tracks: [video(180), video(360)] };
const track = 'video/h264-360p';
const artefacts = {
  iframes: { track, peakBandwidthBps: 16_000n, averageBandwidthBps: 9_000n },
  storyboard: { intervalMs: 5000n, tileCount: 3, tileWidth: 160, tileHeight: 90, columns: 2, rows: 1 },
};
const index = {
  ranges: [
    [24, 8000],
    [24, 4000],
    [24, 1500],
  ],
};

let edge: Edge;
beforeAll(async () => {
  edge = stack.use(await startEdge());
});

async function stored(body: unknown = index, more: Parameters<typeof generationOf>[2] = {}) {
  const generation = generationOf(film, newId('ast'), { artefacts, ...more });
  const key = `media/${generation.assetId}/${generation.id}/${track}/iframes.json`;
  await edge.store.put(key, Buffer.from(JSON.stringify(body)));
  return generation;
}

const textOf = async (path: string) => (await edge.get(path)).body.toString();

test('the master playlist leads to byte ranges of the segments', async () => {
  const { base } = publish(edge, await stored());
  const master = await textOf(`${base}/master.m3u8`);
  const tag = /#EXT-X-I-FRAME-STREAM-INF:(.*)/.exec(master)?.[1];
  expect(tag).toMatch(/^BANDWIDTH=16000,AVERAGE-BANDWIDTH=9000,CODECS="avc1.64001f",RESOLUTION=640x360,/);
  const uri = /URI="([^"]+)"/.exec(tag ?? '')?.[1];
  const answer = await edge.get(`${base}/${uri}`);
  expect(answer.headers['content-type']).toBe('application/vnd.apple.mpegurl');
  const playlist = answer.body.toString();
  expect(playlist).toContain('#EXT-X-I-FRAMES-ONLY');
  const token = /g=([\w-]{22})/.exec(master)?.[1];
  expect(playlist.match(/^#EXT-X-BYTERANGE.*\n.*$/gm)).toEqual([
    `#EXT-X-BYTERANGE:8000@24\n1.m4s?g=${token}`,
    `#EXT-X-BYTERANGE:4000@24\n2.m4s?g=${token}`,
    `#EXT-X-BYTERANGE:1500@24\n3.m4s?g=${token}`,
  ]);
  const reads = edge.reads.length;
  const again = await edge.get(`${base}/${uri}`, { 'if-none-match': answer.headers.etag ?? '' });
  expect([again.status, edge.reads.length]).toEqual([304, reads]);
});

test('the MPD has the sprites of the storyboard', async () => {
  const { base } = publish(edge, await stored());
  const mpd = await textOf(`${base}/manifest.mpd`);
  expect(mpd).toMatch(/<AdaptationSet id="2" contentType="image" mimeType="image\/jpeg">/);
  expect(mpd).toMatch(/duration="10000" startNumber="1" media="storyboard-\$Number\$.jpg\?g=[\w-]{22}"/);
});

test('there are none while it is encoded, of other tracks, or where the index is not one', async () => {
  const [early, none, broken, lost] = [
    publish(edge, await stored(index, { state: GenerationState.PLANNED, artefacts: {} })),
    publish(edge, await stored(index, { artefacts: {} })),
    publish(edge, await stored({ ranges: 'all' })),
    publish(edge, generationOf(film, newId('ast'), { artefacts })),
  ];
  for (const { base } of [early, none]) {
    expect(await textOf(`${base}/master.m3u8`)).not.toContain('I-FRAME');
    expect(await textOf(`${base}/manifest.mpd`)).not.toContain('image');
    expect(outcomeOf(await edge.get(`${base}/${track}/iframes.m3u8`))).toBe('404 IFRAMES_NOT_FOUND');
  }
  expect(outcomeOf(await edge.get(`${broken.base}/${track}/iframes.m3u8`))).toBe('404 IFRAMES_NOT_FOUND');
  expect(outcomeOf(await edge.get(`${lost.base}/${track}/iframes.m3u8`))).toBe('404 IFRAMES_NOT_FOUND');
  const other = `${broken.base}/video/h264-180p/iframes.m3u8`;
  expect(outcomeOf(await edge.get(other))).toBe('404 IFRAMES_NOT_FOUND');
});

test('a token sees as much of them as of the rest', async () => {
  const { base, sign } = publishSigned(edge, await stored(), await addKey(edge));
  const path = `${base}/${track}/iframes.m3u8`;
  expect(outcomeOf(await edge.get(path))).toBe('403 PLAYBACK_TOKEN_REQUIRED');

  const low = await sign({ maxHeight: 240 });
  expect(outcomeOf(await edge.get(`${path}?token=${low}`))).toBe('403 PLAYBACK_HEIGHT_REFUSED');
  expect(await textOf(`${base}/master.m3u8?token=${low}`)).not.toContain('I-FRAME');
  expect(await textOf(`${base}/manifest.mpd?token=${low}`)).toContain('image/jpeg');

  const preview = await sign({ previewSeconds: 5 });
  const playlist = await edge.get(`${path}?token=${preview}`);
  expect(playlist.body.toString().match(/\d\.m4s\?g=[\w-]{22}&token=\S+/g)).toHaveLength(2);
  expect(playlist.headers['cache-control']).toMatch(/^private, max-age=\d+$/);
  expect(await textOf(`${base}/manifest.mpd?token=${preview}`)).not.toContain('image/jpeg');

  const whole = await textOf(`${path}?token=${await sign()}`);
  expect(whole.match(/#EXT-X-BYTERANGE/g)).toHaveLength(3);
});
