import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultSourceLimits, type MediaTools, probeSource } from '../src/index.ts';
import { encode, ffmpeg, pictures, plan, temporaryFolder, tone, tools, unitsOf, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);
const secret = at('secret.mp4');
const probe = (path: string, limits = {}, withTools: MediaTools = tools) =>
  probeSource(path, { ...defaultSourceLimits, ...limits }, { tools: withTools });

beforeAll(async () => {
  await ffmpeg(...pictures('64x64', '10', 1), ...x264, secret);
});

describe('what names other files is not media', () => {
  test.each([
    [
      'playlist.mp4',
      (path: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${path}\n#EXT-X-ENDLIST\n`,
    ],
    ['concat.mp4', (path: string) => `ffconcat version 1.0\nfile '${path}'\n`],
    ['session.mp4', () => 'v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n'],
    [
      'picture.mp4',
      (path: string) => `<svg xmlns="http://www.w3.org/2000/svg"><image href="${path}"/></svg>`,
    ],
    ['text.mp4', () => 'Not a film.\n'],
  ])('%s', async (name, content) => {
    await writeFile(at(name), content(secret));
    await expect(probe(at(name))).rejects.toMatchObject({ kind: 'unsupported', reason: 'SOURCE_NOT_MEDIA' });
  });

  test('not even a QuickTime reference movie is followed', async () => {
    // The same film with its data reference turned from "in this file" into an alias of the other one.
    const film = await import('node:fs/promises').then((fs) => fs.readFile(secret));
    const url = film.indexOf('url ');
    film.writeUInt32BE(0, url + 4);
    film.fill(0, film.indexOf('mdat') + 4, film.indexOf('moov') - 4);
    await writeFile(at('reference.mov'), film);
    await expect(probe(at('reference.mov'))).rejects.toMatchObject({ reason: 'SOURCE_CORRUPT' });
  });
});

describe('what is broken says how', () => {
  test('empty, absent, a folder', async () => {
    await writeFile(at('empty.mp4'), '');
    await mkdir(at('folder.mp4'));
    await expect(probe(at('empty.mp4'))).rejects.toMatchObject({ kind: 'invalid', reason: 'SOURCE_EMPTY' });
    await expect(probe(at('absent.mp4'))).rejects.toMatchObject({
      kind: 'not_found',
      reason: 'SOURCE_MISSING',
    });
    await expect(probe(at('folder.mp4'))).rejects.toMatchObject({ reason: 'SOURCE_NOT_MEDIA' });
  });

  test('an MP4 without its index', async () => {
    const film = await import('node:fs/promises').then((fs) => fs.readFile(secret));
    await writeFile(at('cut.mp4'), film.subarray(0, film.indexOf('moov') - 4));
    await expect(probe(at('cut.mp4'))).rejects.toMatchObject({ kind: 'invalid', reason: 'SOURCE_TRUNCATED' });
  });

  test('an MP4 whose end is missing is used as far as it goes', async () => {
    const path = at('front.mp4');
    await ffmpeg(...pictures('160x120', '25', 4), ...x264, '-movflags', '+faststart', '-g', '25', path);
    const film = await import('node:fs/promises').then((fs) => fs.readFile(path));
    await writeFile(path, film.subarray(0, film.length / 2));
    const source = await probe(path);
    expect(source.durationSeconds).toBeLessThan(3.5);
    expect(source.warnings).toContain('The file is cut off; what is there is used.');
  });

  test('random bytes behind a good signature', async () => {
    const noise = Buffer.alloc(50_000, 0).map((_, index) => (index * 7919) % 251);
    for (const [name, magic] of Object.entries({
      'noise.mkv': [0x1a, 0x45, 0xdf, 0xa3],
      'noise.ogg': [...Buffer.from('OggS')],
      'noise.flv': [...Buffer.from('FLV')],
      'noise.avi': [...Buffer.from('RIFF0000AVI ')],
      'noise.ps': [0, 0, 1, 0xba],
    })) {
      await writeFile(at(name), Buffer.concat([Buffer.from(magic), noise]));
      const failure = await probe(at(name)).catch((error) => error);
      expect([name, failure.name]).toEqual([name, 'KerkisError']);
      expect(failure.reason).toMatch(/^SOURCE_(CORRUPT|TRUNCATED|NO_PLAYABLE_STREAMS|CODEC_UNSUPPORTED)$/);
      expect(JSON.stringify([failure.message, failure.details])).not.toContain(folder.path);
    }
  });

  test('an encrypted MP4', async () => {
    const film = await import('node:fs/promises').then((fs) => fs.readFile(secret));
    film.write('encv', film.indexOf('avc1', film.indexOf('stsd')), 'latin1');
    await writeFile(at('encrypted.mp4'), film);
    await expect(probe(at('encrypted.mp4'))).rejects.toMatchObject({ reason: 'SOURCE_ENCRYPTED' });
  });
});

describe('what is too much is refused', () => {
  test('a decoder that is not allowed', async () => {
    await ffmpeg(...pictures('64x64', '10', 1), '-c:v', 'utvideo', at('rare.avi'));
    await expect(probe(at('rare.avi'))).rejects.toMatchObject({
      kind: 'unsupported',
      reason: 'SOURCE_CODEC_UNSUPPORTED',
    });
  });

  test('pictures, length, streams', async () => {
    const tooLarge = { kind: 'unsupported', reason: 'SOURCE_TOO_LARGE_PICTURE' };
    await expect(probe(secret, { maxPixels: 64 * 63 })).rejects.toMatchObject(tooLarge);
    await expect(probe(secret, { maxDurationMs: 999 })).rejects.toMatchObject({ reason: 'SOURCE_TOO_LONG' });
    const many = Array.from({ length: 9 }, () => ['-map', '0']).flat();
    await ffmpeg(...tone(0.2), ...many, '-c:a', 'flac', at('many.mkv'));
    await expect(probe(at('many.mkv'), { maxStreams: 8 })).rejects.toMatchObject({
      reason: 'SOURCE_TOO_MANY_STREAMS',
    });
  });

  test('a huge cover does not stop the sound', async () => {
    await ffmpeg('-f', 'lavfi', '-i', 'color=s=4000x4000:d=0.04', '-frames:v', '1', at('cover.png'));
    await ffmpeg(
      ...[...tone(1), '-i', at('cover.png'), '-map', '0', '-map', '1', '-c:a', 'libmp3lame'],
      ...['-c:v', 'copy', '-disposition:v', 'attached_pic', at('cover.mp3')],
    );
    const source = await probe(at('cover.mp3'), { maxPixels: 1_000_000 });
    expect(source.video).toBeUndefined();
    expect(source.audios).toHaveLength(1);
  });

  test('time stamps that jump by ten hours make a short film, not a long one', async () => {
    const path = at('jump.mkv');
    await ffmpeg(
      ...pictures('64x64', '10', 2),
      '-vf',
      "setpts='PTS+gte(N,10)*36000/TB'",
      '-fps_mode',
      'vfr',
      ...x264,
      path,
    );
    const media = await plan(path);
    expect(media.source.timeline.gaps).toHaveLength(1);
    expect(media.grid).toMatchObject({ segmentCount: 2, video: { frameCount: 20 } });
    const [track] = (await encode(media, path, unitsOf(media, 1))).values();
    expect(track?.segments).toHaveLength(2);
  });
});

test('a probe that takes too long, or is cancelled, says so', async () => {
  await expect(probe(secret, { probeTimeoutMs: 1 })).rejects.toMatchObject({
    reason: 'SOURCE_PROBE_TIMEOUT',
  });
  const signal = AbortSignal.abort();
  const cancelled = probeSource(secret, defaultSourceLimits, { tools, signal });
  await expect(cancelled).rejects.toMatchObject({ kind: 'cancelled' });
});
