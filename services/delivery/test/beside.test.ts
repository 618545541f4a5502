// What lies beside the segments, and tracks that are not on the grid.
import { Code, ConnectError } from '@connectrpc/connect';
import { GenerationState } from '@kerkis/contracts/catalog';
import { AssetUpdatedSchema } from '@kerkis/contracts/catalog/events';
import { KerkisError } from '@kerkis/errors';
import { announce } from '@kerkis/events';
import { newId } from '@kerkis/ids';
import { toConnectError } from '@kerkis/rpc';
import { waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Edge, generationOf, publish, reasonOf, startEdge } from './edge-fixture.ts';

const video = (height: number, timescale: number, segments: { count: number; duration: number }[]) => ({
  name: `video/h264-${height}p`,
  kind: 'video' as const,
  codec: 'avc1.64001f',
  timescale,
  segments,
  peakBandwidthBps: height * 1000,
  averageBandwidthBps: height * 1000,
  video: {
    ...{ width: (height * 16) / 9, height, frameRate: { num: 25, den: 1 } },
    videoRange: height === 360 ? ('HLG' as const) : undefined,
  },
});
const text = (language: string, isForced = false) => ({
  name: `text/${language}${isForced ? '-forced' : ''}`,
  kind: 'text' as const,
  codec: 'wvtt',
  timescale: 1000,
  segments: [],
  peakBandwidthBps: 0,
  averageBandwidthBps: 0,
  text: { language, label: '', isDefault: !isForced, isForced },
});
const remuxed = video(720, 90_000, [
  { count: 1, duration: 900_000 },
  { count: 1, duration: 180_000 },
]);
const presentation = {
  durationMs: 12_000,
  tracks: [
    video(90, 1000, [{ count: 3, duration: 4000 }]),
    video(360, 1000, [{ count: 3, duration: 4000 }]),
    remuxed,
    text('el'),
    text('el', true),
  ],
};
const artefacts = {
  poster: true,
  waveform: true,
  storyboard: { intervalMs: 5000n, tileCount: 3, tileWidth: 160, tileHeight: 90, columns: 2, rows: 1 },
  downloads: [
    { name: '360p.mp4', contentType: 'video/mp4', sizeBytes: 1000n },
    { name: 'audio.mp3', contentType: 'audio/mpeg', sizeBytes: 4n },
  ],
};

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let edge: Edge;
beforeAll(async () => {
  edge = stack.use(await startEdge());
});

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));

async function withFiles(title = 'A film') {
  const generation = generationOf(presentation, newId('ast'), { artefacts, hasPoster: false });
  const made = publish(edge, generation, { title });
  const prefix = `media/${generation.assetId}/${generation.id}`;
  const images = ['poster.jpg', 'storyboard-1.jpg', 'storyboard-2.jpg', 'waveform.json'];
  const files = [...images.map((name) => `images/${name}`), 'text/el.vtt', 'downloads/360p.mp4'];
  for (const name of files) await edge.store.put(`${prefix}/${name}`, bytes);
  const master = (await edge.get(`${made.base}/master.m3u8`)).body.toString();
  return { ...made, prefix, token: /g=([\w-]{22})/.exec(master)?.[1] };
}

describe('files beside the segments', () => {
  test.each([
    ['poster.jpg', 'image/jpeg'],
    ['storyboard-1.jpg', 'image/jpeg'],
    ['storyboard-2.jpg', 'image/jpeg'],
    ['waveform.json', 'application/json'],
    ['text/el.vtt', 'text/vtt; charset=utf-8'],
    ['download/360p.mp4', 'video/mp4'],
  ])('%s', async (path, type) => {
    const { base, token } = await withFiles();
    const { status, headers, body } = await edge.get(`${base}/${path}?g=${token}`);
    expect([status, headers['content-type'], body.equals(bytes)]).toEqual([200, type, true]);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const unpinned = await edge.get(`${base}/${path}`);
    expect(unpinned.headers['cache-control']).toMatch(/^public, max-age=\d{1,2}, stale-/);
    const known = await edge.get(`${base}/${path}`, { 'if-none-match': headers.etag ?? '' });
    expect(known.status).toBe(304);
  });

  test('the storyboard has its index', async () => {
    const { base, token } = await withFiles();
    const index = await edge.get(`${base}/storyboard.vtt`);
    expect(index.headers['content-type']).toBe('text/vtt; charset=utf-8');
    expect(index.body.toString()).toContain(
      `00:00:10.000 --> 00:00:12.000\nstoryboard-2.jpg?g=${token}#xywh=0,0,160,90\n`,
    );
  });

  test('a download is saved under the title, whole or in part', async () => {
    const { base } = await withFiles('Ταινία/1.mov');
    const whole = await edge.get(`${base}/download/360p.mp4`);
    expect(whole.headers['content-disposition']).toBe(
      `attachment; filename="_______1.mp4"; filename*=UTF-8''${encodeURIComponent('Ταινία_1.mp4')}`,
    );
    const part = await edge.get(`${base}/download/360p.mp4`, { range: 'bytes=10-19' });
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 10-19/1000']);
    expect(part.body).toEqual(bytes.subarray(10, 20));
    expect(part.headers['content-disposition']).toBe(whole.headers['content-disposition']);
  });

  test('what is not there has a reason of its own', async () => {
    const bare = publish(edge, generationOf(presentation, newId('ast'), { hasPoster: false }));
    const { base } = await withFiles();
    for (const [path, reason] of [
      [`${bare.base}/poster.jpg`, 'POSTER_NOT_FOUND'],
      [`${bare.base}/waveform.json`, 'WAVEFORM_NOT_FOUND'],
      [`${bare.base}/storyboard.vtt`, 'STORYBOARD_NOT_FOUND'],
      [`${bare.base}/storyboard-1.jpg`, 'STORYBOARD_NOT_FOUND'],
      [`${base}/storyboard-3.jpg`, 'STORYBOARD_NOT_FOUND'],
      [`${bare.base}/download/360p.mp4`, 'DOWNLOAD_NOT_FOUND'],
      [`${base}/download/720p.mp4`, 'DOWNLOAD_NOT_FOUND'],
      // Planned, and not stored.
      [`${base}/download/audio.mp3`, 'DOWNLOAD_NOT_FOUND'],
      [`${base}/text/el-forced.vtt`, 'TEXT_NOT_FOUND'],
      [`${base}/text/fr.vtt`, 'TEXT_NOT_FOUND'],
      [`${base}/text/fr/media.m3u8`, 'TRACK_NOT_FOUND'],
    ]) {
      const answer = await edge.get(path ?? '');
      expect([answer.status, reasonOf(answer)]).toEqual([404, reason]);
    }
  });
});

describe('a thumbnail', () => {
  test('is made once for all who ask for about the same, and stored', async () => {
    const { base, generation, prefix, token } = await withFiles();
    const asked: unknown[] = [];
    edge.transcode.ensureThumbnail = async ({ generationId, timeMs, width }) => {
      asked.push({ generationId, timeMs, width });
      await edge.store.put(`${prefix}/images/thumbnail-${timeMs}-${width}.jpg`, bytes);
    };
    const query = (index: number) => `time=3.5${index % 5}&width=${600 + index}`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => edge.get(`${base}/thumbnail.jpg?${query(index)}&g=${token}`)),
    );
    for (const { status, headers, body } of answers) {
      expect([status, headers['content-type'], body.equals(bytes)]).toEqual([200, 'image/jpeg', true]);
      expect(headers['cache-control']).toContain('immutable');
    }
    expect(asked).toEqual([{ generationId: generation.id, timeMs: 3500n, width: 640 }]);
  });

  test('that cannot be is refused with its reason', async () => {
    const { base } = await withFiles();
    let calls = 0;
    edge.transcode.ensureThumbnail = () => {
      calls += 1;
      throw toConnectError(new KerkisError('not_found', 'PICTURE_NOT_AVAILABLE', 'It has no picture.'));
    };
    for (const [query, status, reason] of [
      ['time=x', 400, 'THUMBNAIL_QUERY_INVALID'],
      ['time=1&width=-1', 400, 'THUMBNAIL_QUERY_INVALID'],
      ['time=12', 404, 'PICTURE_NOT_AVAILABLE'],
      ['time=1', 404, 'PICTURE_NOT_AVAILABLE'],
    ]) {
      const answer = await edge.get(`${base}/thumbnail.jpg?${query}`);
      expect([answer.status, reasonOf(answer)]).toEqual([status, reason]);
    }
    expect(calls).toBe(1);
    edge.transcode.ensureThumbnail = () => Promise.reject(new ConnectError('late', Code.DeadlineExceeded));
    const late = await edge.get(`${base}/thumbnail.jpg?time=2`);
    expect([late.status, reasonOf(late), late.headers['retry-after']]).toEqual([
      503,
      'PICTURE_NOT_READY_IN_TIME',
      '1',
    ]);
  });
});

describe('tracks', () => {
  test('of text are renditions and sets', async () => {
    const { base, token } = await withFiles();
    const master = (await edge.get(`${base}/master.m3u8`)).body.toString();
    const tags = master.split('\n').filter((line) => line.includes('TYPE=SUBTITLES'));
    const told = (line: string) => line.match(/NAME="[^"]*"|DEFAULT=\w+|FORCED=\w+/g)?.join(' ');
    expect(tags.map(told)).toEqual([
      'NAME="Greek" DEFAULT=YES FORCED=NO',
      'NAME="Greek 2" DEFAULT=NO FORCED=YES',
    ]);
    expect(tags[0]).toContain(`URI="text/el/media.m3u8?g=${token}"`);
    const media = (await edge.get(`${base}/text/el/media.m3u8?g=${token}`)).body.toString();
    expect(media).toContain(`#EXTINF:12.000000,\n../el.vtt?g=${token}\n#EXT-X-ENDLIST`);
    const mpd = (await edge.get(`${base}/manifest.mpd`)).body.toString();
    expect(mpd).toContain(`<BaseURL>text/el.vtt?g=${token}</BaseURL>`);
  });

  test('say what range of light they have', async () => {
    const { base } = await withFiles();
    const master = (await edge.get(`${base}/master.m3u8`)).body.toString();
    expect(master.match(/\d+x\d+|VIDEO-RANGE=\w+/g)?.join(' ')).toBe(
      '1280x720 VIDEO-RANGE=SDR 160x90 VIDEO-RANGE=SDR 640x360 VIDEO-RANGE=HLG',
    );
  });

  test('that are cut elsewhere have bounds and durations of their own', async () => {
    const { base, prefix } = await withFiles();
    const media = async (track: string) => (await edge.get(`${base}/${track}/media.m3u8`)).body.toString();
    expect((await media(remuxed.name)).match(/#EXTINF.*|#EXT-X-TARGET.*/g)).toEqual([
      '#EXT-X-TARGETDURATION:10',
      '#EXTINF:10.000000,',
      '#EXTINF:2.000000,',
    ]);
    expect(await media('video/h264-90p')).toContain('#EXT-X-TARGETDURATION:10');
    await edge.store.put(`${prefix}/${remuxed.name}/3.m4s`, bytes);
    await edge.store.put(`${prefix}/video/h264-90p/3.m4s`, bytes);
    expect((await edge.get(`${base}/video/h264-90p/3.m4s`)).status).toBe(200);
    expect(reasonOf(await edge.get(`${base}/${remuxed.name}/3.m4s`))).toBe('SEGMENT_NOT_FOUND');
  });

  test('are offered as the planner says while the rest is made', async () => {
    const assetId = newId('ast');
    const state = GenerationState.PLANNED;
    const names = presentation.tracks.map(({ name }) => name);
    const offers = async (base: string) => {
      const master = (await edge.get(`${base}/master.m3u8`)).body.toString();
      return names.filter((name) => master.includes(`${name}/media.m3u8`));
    };
    const offeredTracks = ['video/h264-90p', remuxed.name];
    const early = generationOf(presentation, assetId, { state, offeredTracks });
    const { base, playbackId } = publish(edge, early);
    expect(await offers(base)).toEqual(offeredTracks);
    const completeTracks = ['video/h264-360p', 'text/el'];
    publish(edge, generationOf(presentation, assetId, { state, offeredTracks, completeTracks }), {
      playbackId,
    });
    const about = { subjectId: assetId, source: 'catalog' };
    announce(edge.bus, AssetUpdatedSchema, { asset: { id: assetId } }, about);
    await waitUntil(async () => (await offers(base)).length === 4);
    expect(await offers(base)).toEqual(names.slice(0, 4));
  });
});
