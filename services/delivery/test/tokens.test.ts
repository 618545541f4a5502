// Who may see what of a signed playback ID. What a forged token may look like is tested in libs/tokens.
import { newId } from '@kerkis/ids';
import { createKeyPair, type KeyPair } from '@kerkis/tokens';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Edge, generationOf, publish, startEdge } from './edge-fixture.ts';
import { addKey, outcomeOf, publishSigned, revokeKey } from './signed.ts';

const video = (height: number) => ({
  name: `video/h264-${height}p`,
  kind: 'video' as const,
  codec: 'avc1.64001f',
  timescale: 1000,
  segments: [
    { count: 2, duration: 4000 },
    { count: 1, duration: 2000 },
  ],
  peakBandwidthBps: height * 1000,
  averageBandwidthBps: height * 1000,
  video: { width: (height * 16) / 9, height, frameRate: { num: 25, den: 1 }, videoRange: undefined },
});
const sound = {
  name: 'audio/aac-en-64k',
  kind: 'audio' as const,
  codec: 'mp4a.40.2',
  timescale: 1000,
  segments: [{ count: 5, duration: 2000 }],
  peakBandwidthBps: 64_000,
  averageBandwidthBps: 64_000,
  audio: { sampleRate: 48_000, channels: 2, language: 'en', label: '', isDefault: true },
};
const text = {
  name: 'text/en',
  kind: 'text' as const,
  codec: 'wvtt',
  timescale: 1000,
  segments: [],
  peakBandwidthBps: 0,
  averageBandwidthBps: 0,
  text: { language: 'en', label: '', isDefault: true, isForced: false },
};
const presentation = { durationMs: 10_000, tracks: [video(90), video(360), sound, text] };
const artefacts = {
  poster: true,
  waveform: true,
  storyboard: { intervalMs: 5000n, tileCount: 2, tileWidth: 160, tileHeight: 90, columns: 2, rows: 1 },
  downloads: [
    { name: '90p.mp4', contentType: 'video/mp4', sizeBytes: 4n },
    { name: '360p.mp4', contentType: 'video/mp4', sizeBytes: 4n },
    { name: 'audio.mp3', contentType: 'audio/mpeg', sizeBytes: 4n },
  ],
};
const files = [
  ...presentation.tracks
    .slice(0, 2)
    .flatMap(({ name }) => ['init.mp4', '1.m4s', '2.m4s', '3.m4s'].map((file) => `${name}/${file}`)),
  ...['init.mp4', '1.m4s', '2.m4s', '3.m4s', '4.m4s', '5.m4s'].map((file) => `${sound.name}/${file}`),
  ...['text/en.vtt', 'downloads/90p.mp4', 'downloads/360p.mp4', 'downloads/audio.mp3'],
  ...[
    'poster.jpg',
    'waveform.json',
    'storyboard-1.jpg',
    'thumbnail-5000-640.jpg',
    'thumbnail-1500-640.jpg',
  ].map((file) => `images/${file}`),
];
const paths = [
  ...['master.m3u8', 'manifest.mpd', 'video/h264-90p/media.m3u8', 'video/h264-90p/init.mp4'],
  ...['video/h264-90p/1.m4s', 'audio/aac-en-64k/1.m4s', 'text/en/media.m3u8', 'text/en.vtt', 'poster.jpg'],
  ...['thumbnail.jpg', 'storyboard.vtt', 'storyboard-1.jpg', 'waveform.json', 'download/90p.mp4'],
];

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let edge: Edge;
let key: KeyPair;

beforeAll(async () => {
  edge = stack.use(await startEdge({ config: 'delivery: {trustedProxies: ["127.0.0.1", "10.0.0.0/8"]}' }));
  key = await addKey(edge);
});

async function signedFilm(by = key) {
  const assetId = newId('ast');
  const generation = generationOf(presentation, assetId, { artefacts });
  for (const file of files) {
    await edge.store.put(`media/${assetId}/${generation.id}/${file}`, Buffer.from(file));
  }
  const film = publishSigned(edge, generation, by);
  const get = async (path: string, token: string, headers: Record<string, string> = {}) =>
    edge.get(`${film.base}/${path}?token=${token}`, headers);
  const outcome = async (...asked: Parameters<typeof get>) => outcomeOf(await get(...asked));
  return { ...film, get, outcome };
}

describe('a token', () => {
  test('opens everything below its playback ID, by query, header or cookie, and nothing is open without', async () => {
    const film = await signedFilm();
    const token = await film.sign();
    for (const path of paths) {
      const url = `${film.base}/${path}`;
      const answers = [
        await edge.get(url),
        await edge.get(`${url}?token=${token}`),
        await edge.get(url, { authorization: `Bearer ${token}` }),
        await edge.get(url, { cookie: `a=b; kerkis_token=${token}; c=d` }),
      ];
      expect(answers.map(outcomeOf), path).toEqual(['403 PLAYBACK_TOKEN_REQUIRED', '200', '200', '200']);
      const [refused, ...open] = answers;
      expect(refused?.headers.etag).toBeUndefined();
      expect(refused?.body.toString()).not.toContain('A film');
      for (const { headers } of open) expect(headers['cache-control']).toMatch(/^private, max-age=/);
    }
  });

  test('goes along in every URL of playlists, MPD and storyboard, and in the redirect to an edge', async () => {
    const film = await signedFilm();
    const token = await film.sign();
    const uris = {
      'master.m3u8': /^[^#\n].*$|URI="([^"]*)"/gm,
      'video/h264-90p/media.m3u8': /^[^#\n].*$|URI="([^"]*)"/gm,
      'text/en/media.m3u8': /^[^#\n].*$/gm,
      'manifest.mpd': /(?:initialization|media)="([^"]*)"|<BaseURL>([^<]*)/g,
      'storyboard.vtt': /^storyboard.*$/gm,
    };
    for (const [path, pattern] of Object.entries(uris)) {
      const carried = (await film.get(path, token)).body.toString();
      const found = [...carried.matchAll(pattern)].map(([line, a, b]) => a ?? b ?? line);
      expect(found.length, path).toBeGreaterThan(0);
      for (const uri of found) expect(uri, path).toContain(`token=${token}`);
      const clean = await edge.get(`${film.base}/${path}`, { authorization: `Bearer ${token}` });
      expect(clean.body.toString(), path).not.toContain('token=');
    }
    const route = await edge.get(`/route/${film.playbackId}?token=${token}`);
    expect(route.headers.location).toBe(`${edge.url}${film.base}/master.m3u8?token=${token}`);
    expect(
      outcomeOf(await edge.get(`${new URL(route.headers.location ?? '').pathname}?token=${token}`)),
    ).toBe('200');
  });

  test('is no part of what is kept: two viewers, one read', async () => {
    const film = await signedFilm();
    const path = 'video/h264-90p/2.m4s';
    const objectKey = `media/${film.assetId}/${film.generation.id}/${path}`;
    const [one, two] = [
      await film.get(path, await film.sign()),
      await film.get(path, await film.sign({ maxHeight: 100 })),
    ];
    expect(one.body).toEqual(two.body);
    expect(one.headers.etag).toBe(two.headers.etag);
    expect(edge.reads.filter((read) => read === objectKey)).toHaveLength(1);
  });

  test('of another playback ID, time, audience, key, or cut off, is refused on each path', async () => {
    const film = await signedFilm();
    const other = await signedFilm();
    const stranger = await createKeyPair('EdDSA');
    const good = await film.sign();
    const at = (seconds: number) => new Date(Date.now() + seconds * 1000);
    const bad = {
      OTHER_PLAYBACK: await other.sign(),
      EXPIRED: await film.sign({ notBefore: at(-100), expiresInSeconds: 50 }),
      NOT_YET_VALID: await film.sign({ notBefore: at(60) }),
      OTHER_AUDIENCE: await film.sign({ audience: 'someone' }),
      KEY_UNKNOWN: await film.sign({ privateKey: stranger.privateKeyPem }),
      INVALID: good.slice(0, -7),
    };
    for (const [why, token] of Object.entries(bad)) {
      const outcomes = await Promise.all(paths.map((path) => film.outcome(path, token)));
      expect(new Set(outcomes), why).toEqual(new Set([`403 PLAYBACK_TOKEN_${why}`]));
    }
    const twice = await edge.get(`${film.base}/master.m3u8?token=${good}&token=${good}`);
    expect(outcomeOf(twice)).toBe('403 PLAYBACK_TOKEN_INVALID');
    expect(await film.outcome('master.m3u8', '')).toBe('403 PLAYBACK_TOKEN_INVALID');
    const { etag = '' } = (await film.get('master.m3u8', good)).headers;
    expect(await film.outcome('master.m3u8', bad.EXPIRED, { 'if-none-match': etag })).toMatch(/^403/);
    expect(await film.outcome('master.m3u8', good, { 'if-none-match': etag })).toBe('304');
  });

  test('is no matter to a public playback ID', async () => {
    const film = publish(edge, generationOf(presentation, newId('ast')));
    const answer = await edge.get(`${film.base}/master.m3u8?token=nonsense`);
    expect(outcomeOf(answer)).toBe('200');
    expect(answer.headers['cache-control']).toMatch(/^public/);
    expect(answer.body.toString()).not.toContain('nonsense');
  });
});

describe('what a token allows', () => {
  test('max_height: higher rungs are left out and refused', async () => {
    const film = await signedFilm();
    const token = await film.sign({ maxHeight: 240 });
    for (const path of ['master.m3u8', 'manifest.mpd']) {
      const body = (await film.get(path, token)).body.toString();
      expect([body.includes('h264-90p'), body.includes('h264-360p'), body.includes('aac')]).toEqual([
        true,
        false,
        true,
      ]);
    }
    for (const path of ['media.m3u8', 'init.mp4', '1.m4s'].map((file) => `video/h264-360p/${file}`)) {
      expect(await film.outcome(path, token), path).toBe('403 PLAYBACK_HEIGHT_REFUSED');
    }
    expect(await film.outcome('download/360p.mp4', token)).toBe('403 PLAYBACK_HEIGHT_REFUSED');
    const allowed = [
      'video/h264-90p/1.m4s',
      'audio/aac-en-64k/5.m4s',
      'download/90p.mp4',
      'download/audio.mp3',
    ];
    for (const path of allowed) expect(await film.outcome(path, token), path).toBe('200');

    const nothing = publishSigned(
      edge,
      generationOf({ ...presentation, tracks: [video(360)] }, newId('ast')),
      key,
    );
    const low = await edge.get(`${nothing.base}/master.m3u8?token=${await nothing.sign({ maxHeight: 240 })}`);
    expect(outcomeOf(low)).toBe('403 PLAYBACK_HEIGHT_REFUSED');
  });

  test('preview: manifests end early, what lies behind is refused', async () => {
    const film = await signedFilm();
    const token = await film.sign({ previewSeconds: 4.5 });
    const segments = async (track: string) =>
      [...(await film.get(`${track}/media.m3u8`, token)).body.toString().matchAll(/^(\d+)\.m4s/gm)].length;
    expect([await segments('video/h264-90p'), await segments('audio/aac-en-64k')]).toEqual([2, 3]);
    const mpd = (await film.get('manifest.mpd', token)).body.toString();
    expect(mpd).toContain('mediaPresentationDuration="PT4.500S"');
    expect(mpd).not.toContain('text/vtt');
    const open = [
      'video/h264-90p/2.m4s',
      'audio/aac-en-64k/3.m4s',
      'poster.jpg',
      'thumbnail.jpg',
      'waveform.json',
    ];
    for (const path of [...open, 'video/h264-360p/init.mp4']) {
      // The middle of the preview is not there yet; that it may be asked for is what counts.
      expect(await film.outcome(path, token), path).not.toMatch(/^403/);
    }
    const closed = ['video/h264-90p/3.m4s', 'audio/aac-en-64k/4.m4s', 'text/en.vtt', 'text/en/media.m3u8'];
    for (const path of [...closed, 'storyboard.vtt', 'storyboard-1.jpg', 'download/audio.mp3']) {
      expect(await film.outcome(path, token), path).toBe('403 PLAYBACK_PREVIEW_ENDED');
    }
    const late = await edge.get(`${film.base}/thumbnail.jpg?time=5&token=${token}`);
    expect(outcomeOf(late)).toBe('403 PLAYBACK_PREVIEW_ENDED');
    const whole = await film.sign({ previewSeconds: 10 });
    for (const path of closed) expect(await film.outcome(path, whole), path).toBe('200');
  });

  test('ip: viewers at these addresses, behind proxies that are trusted', async () => {
    const film = await signedFilm();
    const from = async (token: string, forwarded?: string) =>
      film.outcome('master.m3u8', token, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded });
    const range = await film.sign({ addressRanges: ['192.0.2.0/24', '2001:db8::/32'] });
    expect(await from(range)).toBe('403 PLAYBACK_ADDRESS_REFUSED');
    expect(await from(range, '192.0.2.77')).toBe('200');
    expect(await from(range, '192.0.2.77, 10.1.2.3')).toBe('200');
    expect(await from(range, '[2001:db8::5]:4711')).toBe('200');
    // What the viewer puts in front itself does not count.
    expect(await from(range, '192.0.2.77, 198.51.100.1')).toBe('403 PLAYBACK_ADDRESS_REFUSED');
    expect(await from(range, '192.0.2.77, unknown')).toBe('403 PLAYBACK_ADDRESS_REFUSED');
    expect(await from(await film.sign({ addressRanges: ['127.0.0.1'] }))).toBe('200');
  });

  test('ref: players on these pages, and our own page', async () => {
    const film = await signedFilm();
    const token = await film.sign({ referrers: ['example.com', '*.example.org'] });
    const by = (headers: Record<string, string>) => film.outcome('master.m3u8', token, headers);
    expect(await by({ referer: 'https://example.com/films/1' })).toBe('200');
    expect(await by({ origin: 'https://www.example.org' })).toBe('200');
    expect(await by({ referer: `${edge.url}/play/${film.playbackId}` })).toBe('200');
    const strangers = [{}, { referer: 'https://www.example.com/' }, { referer: 'https://example.org/' }];
    for (const headers of [...strangers, { referer: 'https://example.com.evil.test/' }, { referer: 'x' }]) {
      expect(await by(headers), JSON.stringify(headers)).toBe('403 PLAYBACK_REFERRER_REFUSED');
    }
  });
});

describe('keys', () => {
  test('a new one is good at once, and rotation breaks nobody', async () => {
    const film = await signedFilm();
    const before = await film.sign();
    expect(await film.outcome('video/h264-90p/1.m4s', before)).toBe('200');
    // Nobody told the edge of the new one.
    const next = await addKey(edge, 'ES256');
    const after = await film.sign({ privateKey: next.privateKeyPem });
    expect(await film.outcome('video/h264-90p/1.m4s', after)).toBe('200');
    expect(await film.outcome('video/h264-90p/2.m4s', before)).toBe('200');
    revokeKey(edge, next);
    await expect
      .poll(() => film.outcome('video/h264-90p/2.m4s', after))
      .toBe('403 PLAYBACK_TOKEN_KEY_UNKNOWN');
    expect(await film.outcome('video/h264-90p/2.m4s', before)).toBe('200');
  });

  test.each([false, true])('a revoked one dies, event lost: %s', async (silently) => {
    const own = await addKey(edge);
    const film = await signedFilm(own);
    const token = await film.sign();
    expect(await film.outcome('video/h264-90p/1.m4s', token)).toBe('200');
    revokeKey(edge, own, silently);
    await expect
      .poll(() => film.outcome('video/h264-90p/1.m4s', token))
      .toBe('403 PLAYBACK_TOKEN_KEY_UNKNOWN');
  });

  test('what is known stays good while the catalog is away', async () => {
    const film = await signedFilm();
    const token = await film.sign();
    expect(await film.outcome('master.m3u8', token)).toBe('200');
    edge.catalog.state.down = true;
    try {
      expect(await film.outcome('video/h264-90p/3.m4s', token)).toBe('200');
      expect(await film.outcome('master.m3u8', await film.sign())).toBe('200');
    } finally {
      edge.catalog.state.down = false;
    }
  });

  test('an edge that never heard of any does not know yet', async () => {
    await using fresh = await startEdge();
    fresh.catalog.state.down = true;
    const generation = generationOf(presentation, newId('ast'));
    const film = publishSigned(fresh, generation, key);
    const token = await film.sign();
    const outcome = async () => outcomeOf(await fresh.get(`${film.base}/master.m3u8?token=${token}`));
    expect(await outcome()).toBe('503 CATALOG_UNAVAILABLE');
    fresh.catalog.signingKeys.set(key.id, key.publicKeyPem);
    fresh.catalog.state.down = false;
    await expect.poll(outcome).toBe('200');
  });
});
