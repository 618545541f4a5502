import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { AssetState, GenerationState } from '@kerkis/contracts/catalog';
import { AssetDeletedSchema, AssetUpdatedSchema } from '@kerkis/contracts/catalog/events';
import { announce } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { durationSeconds, frameRate, generatePresentation } from '../src/player/playback-fixture.ts';
import { decodedFrames } from './decoded-frames.ts';
import { type Edge, generationOf, publish, reasonOf, startEdge, storeMedia } from './edge-fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let directory: string;
let film: Awaited<ReturnType<typeof generatePresentation>>;
let names: string[];

beforeAll(async () => {
  directory = stack.use(await tempDir('film')).path;
  film = await generatePresentation(directory);
  names = film.tracks.map(({ name }) => name);
});

const updated = (edge: Edge, assetId: string) =>
  announce(
    edge.bus,
    AssetUpdatedSchema,
    { asset: { id: assetId } },
    { subjectId: assetId, source: 'catalog' },
  );

describe.each(['filesystem', 's3'] as const)('on a %s store', (kind) => {
  let edge: Edge;
  beforeAll(async () => {
    edge = stack.use(await startEdge({ store: kind }));
  });

  test.each(['master.m3u8', 'manifest.mpd'])('ffmpeg decodes every frame of %s', async (name) => {
    const { base, generation } = publish(edge, generationOf(film, newId('ast')));
    await storeMedia(edge.store, directory, generation, names);
    expect(await decodedFrames(`${edge.url}${base}/${name}`, 'v')).toEqual({
      frames: [durationSeconds * frameRate],
      complaints: '',
    });
    // 6 s of 44.1 kHz in frames of 1,024 samples and one of priming.
    expect(await decodedFrames(`${edge.url}${base}/${name}`, 'a')).toEqual({
      frames: [Math.ceil((durationSeconds * 44_100) / 1024) + 1],
      complaints: '',
    });
  });
});

/** Of a generation that is complete. */
const revised = 'public, max-age=60, stale-while-revalidate=60, stale-if-error=86400';

describe('manifests', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = stack.use(await startEdge({ config: 'delivery: {manifestTtlSeconds: 600}' }));
  });

  test('offer sound and the smallest picture while the rest is encoded', async () => {
    const assetId = newId('ast');
    const early = publish(edge, generationOf(film, assetId, { state: GenerationState.PLANNED }));
    const { playbackId, base } = early;
    const master = await edge.get(`${base}/master.m3u8`);
    expect(master.headers).toMatchObject({
      'content-type': 'application/vnd.apple.mpegurl',
      'cache-control': 'public, max-age=1, stale-while-revalidate=4, stale-if-error=60',
      'access-control-allow-origin': '*',
    });
    const offered = (text: Buffer) => names.filter((name) => text.toString().includes(name));
    expect(offered(master.body)).toEqual(['video/h264-90p', 'audio/aac-en-64k', 'audio/aac-fr-64k']);

    const half = generationOf(film, assetId, {
      state: GenerationState.PLANNED,
      completeTracks: ['video/h264-180p'],
    });
    publish(edge, half, { playbackId });
    updated(edge, assetId);
    await waitUntil(async () => offered((await edge.get(`${base}/master.m3u8`)).body).length === 4);

    publish(edge, generationOf(film, assetId), { playbackId });
    updated(edge, assetId);
    await waitUntil(async () => {
      const { headers } = await edge.get(`${base}/manifest.mpd`);
      return headers['cache-control']?.startsWith('public, max-age=60, stale-while-revalidate=60, ');
    });
  });

  test('are compressed as the client likes, each form with its own tag', async () => {
    const { base } = publish(edge, generationOf(film, newId('ast')));
    const path = `${base}/manifest.mpd`;
    const plain = await edge.get(path);
    const gzip = await edge.get(path, { 'accept-encoding': 'gzip' });
    const brotli = await edge.get(path, { 'accept-encoding': 'gzip, deflate, br' });
    expect([plain, gzip, brotli].map(({ headers }) => headers['content-encoding'])).toEqual([
      undefined,
      'gzip',
      'br',
    ]);
    expect(gunzipSync(gzip.body)).toEqual(plain.body);
    expect(brotliDecompressSync(brotli.body)).toEqual(plain.body);
    expect(new Set([plain, gzip, brotli].map(({ headers }) => headers.etag)).size).toBe(3);
    for (const { headers } of [plain, gzip, brotli]) expect(headers.vary).toBe('accept-encoding');

    const known = { 'accept-encoding': 'br', 'if-none-match': brotli.headers.etag ?? '' };
    const again = await edge.get(path, known);
    expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect(again.headers).toMatchObject({ etag: brotli.headers.etag, 'cache-control': revised });
    expect((await edge.get(path, { ...known, 'accept-encoding': 'gzip' })).status).toBe(200);
    const head = await edge.get(path, {}, 'HEAD');
    expect(head.body.byteLength).toBe(0);
    expect(head.headers['content-length']).toBe(String(plain.body.byteLength));
  });

  test('name their generation, so that caches never mix two', async () => {
    const assetId = newId('ast');
    const first = publish(edge, generationOf(film, assetId));
    await storeMedia(edge.store, directory, first.generation, ['video/h264-90p']);
    const { playbackId, base } = first;
    const media = `${base}/video/h264-90p/media.m3u8`;
    const segmentOf = async () =>
      (await edge.get(media)).body.toString().match(/^1\.m4s\?g=\S+$/m)?.[0] ?? '';
    const old = await segmentOf();
    expect((await edge.get(`${base}/video/h264-90p/${old}`)).headers['cache-control']).toBe(
      'public, max-age=31536000, immutable',
    );
    expect((await edge.get(`${base}/video/h264-90p/1.m4s`)).headers['cache-control']).toBe(revised);

    const second = generationOf(film, assetId);
    publish(edge, second, { playbackId });
    await edge.store.put(`media/${assetId}/${second.id}/video/h264-90p/1.m4s`, Buffer.from('encoded again'));
    updated(edge, assetId);
    await waitUntil(async () => (await segmentOf()) !== old);
    const bytesOf = async (name: string) =>
      (await edge.get(`${base}/video/h264-90p/${name}`)).body.toString();
    expect(await bytesOf(await segmentOf())).toBe('encoded again');
    expect(await bytesOf('1.m4s')).toBe('encoded again');
    expect(await bytesOf(old)).not.toBe('encoded again');

    const other = publish(edge, generationOf(film, newId('ast')));
    for (const token of [old.slice('1.m4s?g='.length), '', 'AAAAAAAAAAAAAAAAAAAAAA', '../../x']) {
      const answer = await edge.get(`${other.base}/video/h264-90p/1.m4s?g=${token}`);
      expect(answer.status).toBe(404);
      expect(reasonOf(answer)).toBe('GENERATION_NOT_FOUND');
    }
  });

  test('go when the asset goes', async () => {
    const { assetId, playbackId, base } = publish(edge, generationOf(film, newId('ast')));
    expect((await edge.get(`${base}/master.m3u8`)).status).toBe(200);
    edge.catalog.playbacks.delete(playbackId);
    announce(edge.bus, AssetDeletedSchema, { assetId }, { subjectId: assetId, source: 'catalog' });
    await waitUntil(async () => (await edge.get(`${base}/master.m3u8`)).status === 404);
  });

  test('a poster is there or not', async () => {
    const { base, generation } = publish(edge, generationOf(film, newId('ast')));
    await storeMedia(edge.store, directory, generation, []);
    const found = await edge.get(`${base}/poster.jpg`);
    expect(found.headers).toMatchObject({ 'content-type': 'image/jpeg', 'accept-ranges': 'bytes' });
    const none = publish(edge, generationOf(film, newId('ast'), { hasPoster: false }));
    expect(reasonOf(await edge.get(`${none.base}/poster.jpg`))).toBe('POSTER_NOT_FOUND');
  });
});

describe('what does not play', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = stack.use(await startEdge());
  });

  function unplayable(state: AssetState, more: object = {}): string {
    const playbackId = newId('pbk');
    edge.catalog.playbacks.set(playbackId, {
      playbackId: { id: playbackId },
      asset: { id: newId('ast'), state, ...more },
    });
    return playbackId;
  }

  test.each([
    ['is not uploaded yet', () => unplayable(AssetState.CREATED), 503, 'ASSET_NOT_PLAYABLE_YET'],
    ['is not analysed yet', () => unplayable(AssetState.SOURCE_READY), 503, 'ASSET_NOT_PLAYABLE_YET'],
    [
      'failed',
      () =>
        unplayable(AssetState.FAILED, { failure: { reason: 'SOURCE_NOT_MEDIA', message: 'No media <b>.' } }),
      404,
      'ASSET_FAILED',
    ],
    ['is being deleted', () => unplayable(AssetState.DELETING), 404, 'PLAYBACK_ID_NOT_FOUND'],
    ['is unknown', () => newId('pbk'), 404, 'PLAYBACK_ID_NOT_FOUND'],
  ])('%s', async (_, make, status, reason) => {
    const playbackId = make();
    const answer = await edge.get(`/v/${playbackId}/master.m3u8`);
    expect([answer.status, reasonOf(answer)]).toEqual([status, reason]);
    expect(answer.headers['retry-after']).toBe(status === 503 ? '2' : undefined);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'access-control-allow-origin': '*' });
    const page = await edge.get(`/play/${playbackId}`);
    expect(page.status).toBe(status);
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    expect(page.body.toString()).not.toContain('<b>');
    expect(page.body.toString().includes('http-equiv="refresh"')).toBe(status === 503);
  });

  test('needs a token', async () => {
    const { base, playbackId, generation } = publish(edge, generationOf(film, newId('ast')), { policy: 2 });
    await storeMedia(edge.store, directory, generation, ['video/h264-90p']);
    const paths = ['master.m3u8', 'manifest.mpd', 'poster.jpg', 'video/h264-90p/media.m3u8'];
    for (const path of [...paths, 'video/h264-90p/init.mp4', 'video/h264-90p/1.m4s']) {
      const answer = await edge.get(`${base}/${path}`);
      expect([answer.status, reasonOf(answer)]).toEqual([403, 'PLAYBACK_TOKEN_REQUIRED']);
    }
    const page = await edge.get(`/play/${playbackId}`);
    expect([page.status, page.body.toString()]).toEqual([403, expect.stringContaining('signed token')]);
    expect(edge.reads).toEqual([]);
  });
});

test('the player page and its files', async () => {
  const edge = stack.use(await startEdge());
  const { playbackId } = publish(edge, generationOf(film, newId('ast')), { title: '<i>Κερκίς</i>' });
  const page = await edge.get(`/play/${playbackId}`);
  const nonce = /nonce-([^']+)'/.exec(page.headers['content-security-policy']?.toString() ?? '')?.[1];
  expect(page.status).toBe(200);
  expect(page.body.toString()).toContain(`nonce="${nonce}"`);
  expect(page.body.toString()).toContain(`data-source="/v/${playbackId}/master.m3u8"`);
  expect(page.body.toString()).toContain('&lt;i&gt;Κερκίς');
  const dash = await edge.get(`/play/${playbackId}?player=dash`);
  expect(dash.body.toString()).toContain('manifest.mpd');

  for (const [, path] of page.body.toString().matchAll(/(?:src|href)="(\/play\/assets\/[^"]+)"/g)) {
    const file = await edge.get(path ?? '', { 'accept-encoding': 'br' });
    expect(file.status).toBe(200);
    const again = await edge.get(path ?? '', {
      'accept-encoding': 'br',
      'if-none-match': file.headers.etag ?? '',
    });
    expect(again.status).toBe(304);
  }
  expect(reasonOf(await edge.get('/play/assets/nothing.js'))).toBe('PLAYER_ASSET_NOT_FOUND');
});
