// Segments that are encrypted on their way: what is told, who gets keys, and that ffmpeg plays the same frames.
import { execFile } from 'node:child_process';
import { createDecipheriv } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Encryption } from '@kerkis/contracts/catalog';
import { newId } from '@kerkis/ids';
import { tempDir } from '@kerkis/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generatePresentation } from '../src/player/playback-fixture.ts';
import {
  type Edge,
  fetchRaw,
  generationOf,
  publish,
  reasonOf,
  startEdge,
  storeMedia,
} from './edge-fixture.ts';
import { encrypt } from './encrypted.ts';
import { addKey, outcomeOf, publishSigned } from './signed.ts';

const run = promisify(execFile);
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const secret = 'a secret of more than thirty-two characters';
const fairPlay = `{systemId: 94ce86fb-07ff-4f43-adb8-93d2fa968ca2, keyFormat: com.apple.streamingkeydelivery, keyUri: "skd://{keyId}"}`;
const widevine = `{systemId: edef8ba9-79d6-4ace-a3c8-27dcd51d21ed, licenseUrl: "https://drm.test/{playbackId}", keyFormat: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"}`;
const video = 'video/h264-90p';
const audio = 'audio/aac-en-64k';

let edge: Edge;
let directory: string;
let film: Awaited<ReturnType<typeof generatePresentation>>;
const bases = {} as Record<'clear' | 'whole' | 'samples', string>;

beforeAll(async () => {
  directory = stack.use(await tempDir('encryption')).path;
  film = await generatePresentation(directory);
  const config = `delivery: {encryption: {secret: "${secret}", systems: [${fairPlay}, ${widevine}]}}`;
  edge = stack.use(await startEdge({ config }));
  const generation = await stored();
  bases.clear = publish(edge, generation).base;
  bases.whole = encrypted(publish(edge, generation), Encryption.AES_128).base;
  bases.samples = encrypted(publish(edge, generation), Encryption.CBCS).base;
});

async function stored() {
  const generation = generationOf(film, newId('ast'), {
    artefacts: { downloads: [{ name: '90p.mp4', contentType: 'video/mp4', sizeBytes: 1n }] },
  });
  await storeMedia(
    edge.store,
    directory,
    generation,
    film.tracks.map(({ name }) => name),
  );
  return generation;
}

/** A playback ID says how it is encrypted. */
function encrypted<P extends { playbackId: string }>(published: P, encryption: Encryption): P {
  encrypt(edge, published.playbackId, encryption);
  return published;
}

const get = async (path: string) => {
  const answer = await edge.get(path);
  expect(answer.status, `${path} ${answer.status < 400 ? '' : answer.body}`).toBe(200);
  return answer;
};
const text = async (path: string) => (await get(path)).body.toString();
const keyUriOf = (playlist: string) => /URI="[./]*(\/key\/[^"]+)"/.exec(playlist)?.[1] ?? '';
const segmentsOf = (playlist: string) => playlist.split('\n').filter((line) => /^\d+\.m4s/.test(line));

async function frames(input: string, ...options: string[]): Promise<string> {
  const { stdout } = await run('ffmpeg', [
    '-v',
    'error',
    '-xerror',
    ...options,
    '-i',
    input,
    '-f',
    'framemd5',
    '-',
  ]);
  return stdout;
}

describe('AES-128', () => {
  test('ffmpeg plays the frames of the clear film', async () => {
    const url = (base: string) => `${edge.url}${base}/${video}/media.m3u8`;
    const clear = await frames(url(bases.clear));
    expect(clear.split('\n').length).toBeGreaterThan(150);
    expect(await frames(url(bases.whole))).toBe(clear);
    const sound = (base: string) => `${edge.url}${base}/${audio}/media.m3u8`;
    expect(await frames(sound(bases.whole))).toBe(await frames(sound(bases.clear)));
  });

  test('a segment decrypts with the key and its number, and is kept for ever under its URL', async () => {
    const playlist = await text(`${bases.whole}/${video}/media.m3u8`);
    const { body: key, headers } = await get(bases.whole + keyUriOf(playlist));
    expect(key.byteLength).toBe(16);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/octet-stream',
    });
    const [, second = ''] = segmentsOf(playlist);
    const secretSegment = await get(`${bases.whole}/${video}/${second}`);
    expect(secretSegment.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const clear = await get(`${bases.clear}/${video}/2.m4s`);
    expect(secretSegment.headers.etag).not.toBe(clear.headers.etag);
    const iv = Buffer.alloc(16);
    iv[15] = 2;
    const decipher = createDecipheriv('aes-128-cbc', key, iv);
    expect(Buffer.concat([decipher.update(secretSegment.body), decipher.final()])).toEqual(clear.body);
    const part = await edge.get(`${bases.whole}/${video}/${second}`, { range: 'bytes=16-31' });
    expect([part.status, part.body]).toEqual([206, secretSegment.body.subarray(16, 32)]);
    const untagged = await get(`${bases.whole}/${video}/2.m4s?g=${/g=([^&]+)/.exec(second)?.[1]}`);
    expect(untagged.headers['cache-control']).not.toContain('immutable');
    expect(untagged.body).toEqual(secretSegment.body);
  });

  test('is no matter of DASH', async () => {
    expect(reasonOf(await edge.get(`${bases.whole}/manifest.mpd`))).toBe('MANIFEST_NOT_OFFERED');
  });
});

describe('cbcs', () => {
  test.each([video, audio])(
    'ffmpeg decrypts each segment of %s to the frames of the clear one',
    async (track) => {
      const playlist = await text(`${bases.samples}/${track}/media.m3u8`);
      const { body: key } = await get(bases.samples + keyUriOf(playlist));
      const inits = await Promise.all(
        [bases.clear, bases.samples].map(async (base) => (await get(`${base}/${track}/init.mp4`)).body),
      );
      for (const name of segmentsOf(playlist).slice(-2)) {
        const segments = await Promise.all(
          [bases.clear, bases.samples].map(async (base) => (await get(`${base}/${track}/${name}`)).body),
        );
        expect(segments[1]?.equals(segments[0] ?? Buffer.alloc(0))).toBe(false);
        const files = ['clear.mp4', 'secret.mp4'].map((file) => join(directory, file));
        for (const [index, file] of files.entries()) {
          await writeFile(
            file,
            Buffer.concat([inits[index] ?? Buffer.alloc(0), segments[index] ?? Buffer.alloc(0)]),
          );
        }
        const [clear = '', played = ''] = files;
        expect(await frames(played, '-decryption_key', key.toString('hex'))).toBe(await frames(clear));
      }
    },
  );

  test('playlists and manifests name ClearKey and the systems of the configuration', async () => {
    const playlist = await text(`${bases.samples}/${video}/media.m3u8`);
    const id = /key\/([0-9a-f]{32})/.exec(playlist)?.[1] ?? '';
    expect(playlist.match(/KEYFORMAT="([^"]+)"/g)).toEqual([
      'KEYFORMAT="identity"',
      'KEYFORMAT="com.apple.streamingkeydelivery"',
      'KEYFORMAT="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"',
    ]);
    expect(playlist).toContain(`URI="skd://${id}"`);
    const pssh = Buffer.from(/URI="data:text\/plain;base64,([^"]+)"/.exec(playlist)?.[1] ?? '', 'base64');
    expect(pssh.toString('hex')).toContain(id);
    const mpd = await text(`${bases.samples}/manifest.mpd`);
    const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    expect(mpd).toContain(`cenc:default_KID="${uuid}"`);
    expect(mpd).toContain(`https://drm.test${bases.samples.slice('/v'.length)}`);
    expect(mpd).toMatch(new RegExp(`Laurl Lic_type="EME-1.0">${edge.url}${bases.samples}/clearkey\\?g=`));
    const other = await edge.get(`${bases.samples}/manifest.mpd`, { host: `localhost:${edge.port}` });
    expect(other.body.toString()).toContain(`>http://localhost:${edge.port}${bases.samples}/clearkey?`);
    const init = await get(`${bases.samples}/${video}/init.mp4`);
    expect(init.body.includes(Buffer.from(id, 'hex'))).toBe(true);
  });

  test('a licence has the keys that are asked for, and only those of the film', async () => {
    const ids = await Promise.all(
      [video, audio].map(
        async (track) => /key\/(\w{32})/.exec(await text(`${bases.samples}/${track}/media.m3u8`))?.[1],
      ),
    );
    const kids = ids.map((id) => Buffer.from(id ?? '', 'hex').toString('base64url'));
    expect(new Set(kids).size).toBe(2);
    const ask = async (body: unknown, base = bases.samples) =>
      await fetch(`${edge.url}${base}/clearkey`, { method: 'POST', body: JSON.stringify(body) });
    const stranger = Buffer.alloc(16).toString('base64url');
    const answer = await ask({ kids: [...kids, stranger], type: 'temporary' });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const key = (await get(`${bases.samples}/key/${ids[0]}`)).body.toString('base64url');
    const license = (await answer.json()) as {
      keys: { kty: string; kid: string; k: string }[];
      type: string;
    };
    expect(license.type).toBe('temporary');
    expect(license.keys.map(({ kid }) => kid)).toEqual(kids);
    expect(license.keys[0]).toEqual({ kty: 'oct', kid: kids[0], k: key });
    const refused = [{ kids: [stranger] }, { kids: [] }, { kids: ['x'] }, {}, 'x'.repeat(10_000), null];
    const outcomes = await Promise.all(
      refused.map(async (body) => ((await (await ask(body)).json()) as { reason: string }).reason),
    );
    expect(outcomes).toEqual(['KEY_NOT_FOUND', ...Array(5).fill('LICENSE_REQUEST_INVALID')]);
    expect((await ask({ kids }, bases.clear)).status).toBe(404);
    const preflight = await edge.get(`${bases.samples}/clearkey`, {}, 'OPTIONS');
    expect(preflight.headers['access-control-allow-methods']).toContain('POST');
    expect((await edge.get(`${bases.samples}/clearkey`)).status).toBe(405);
  });
});

test('nothing of an encrypted playback ID is clear but pictures beside it', async () => {
  for (const base of [bases.whole, bases.samples]) {
    expect(reasonOf(await edge.get(`${base}/download/90p.mp4`))).toBe('DOWNLOAD_NOT_FOUND');
    expect((await edge.get(`${base}/key/${'0'.repeat(32)}`)).status).toBe(404);
    const clear = await get(`${bases.clear}/${video}/1.m4s`);
    const secretSegment = await get(`${base}/${video}/1.m4s`);
    // One block of ten is enough, so whole pictures are compared.
    expect(secretSegment.body.includes(clear.body.subarray(-400))).toBe(false);
  }
});

test('keys and licences are for holders of a token', async () => {
  const key = await addKey(edge);
  const { sign, base } = encrypted(publishSigned(edge, await stored(), key), Encryption.CBCS);
  const token = await sign();
  const playlist = await text(`${base}/${video}/media.m3u8?token=${token}`);
  const path = base + keyUriOf(playlist);
  expect(path).toContain(`token=${token}`);
  const answer = await get(path);
  expect([answer.body.byteLength, answer.headers['cache-control']]).toEqual([16, 'no-store']);
  const [bare = ''] = path.split('?');
  expect(outcomeOf(await edge.get(bare))).toBe('403 PLAYBACK_TOKEN_REQUIRED');
  const posted = await fetch(`${edge.url}${base}/clearkey`, { method: 'POST', body: '{}' });
  expect(posted.status).toBe(403);
  const mpd = await text(`${base}/manifest.mpd?token=${token}`);
  expect(mpd).toMatch(new RegExp(`clearkey\\?g=[^<]*token=${token}<`));
});

test('an edge without a secret serves nothing of it, and another one has other keys under other URLs', async () => {
  const generation = await stored();
  const ids: string[] = [];
  for (const config of ['', 'delivery: {encryption: {secret: "another secret, as long as it has to be"}}']) {
    await using other = await startEdge({ config, beside: edge });
    const { base } = encrypted(publish(edge, generation), Encryption.AES_128);
    const answer = await fetchRaw({ port: other.port, path: `${base}/${video}/media.m3u8` });
    if (config === '') {
      expect(outcomeOf(answer)).toBe('503 ENCRYPTION_NOT_CONFIGURED');
      const segment = await fetchRaw({ port: other.port, path: `${base}/${video}/1.m4s` });
      expect(outcomeOf(segment)).toBe('503 ENCRYPTION_NOT_CONFIGURED');
      continue;
    }
    for (const playlist of [answer.body.toString(), await text(`${base}/${video}/media.m3u8`)]) {
      ids.push(/key\/(\w{32})/.exec(playlist)?.[1] ?? '', /e=([\w-]+)/.exec(playlist)?.[1] ?? '');
    }
  }
  expect(new Set(ids).size).toBe(4);
});
