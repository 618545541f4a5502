import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { newId } from '@kerkis/ids';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Edge, generationOf, publish, reasonOf, startEdge } from './edge-fixture.ts';

const track = 'video/h264-90p';
const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
const presentation = {
  durationMs: 4_000,
  tracks: [
    {
      name: track,
      kind: 'video' as const,
      codec: 'avc1.42c01e',
      timescale: 1000,
      segments: [{ count: 2, duration: 2000 }],
      peakBandwidthBps: 1,
      averageBandwidthBps: 1,
      video: { width: 160, height: 90, frameRate: { num: 25, den: 1 } },
    },
    {
      name: 'audio/aac-en-64k',
      kind: 'audio' as const,
      codec: 'mp4a.40.2',
      timescale: 1000,
      segments: [{ count: 2, duration: 2000 }],
      peakBandwidthBps: 1,
      averageBandwidthBps: 1,
      audio: { sampleRate: 48_000, channels: 2, language: 'en', label: '', isDefault: true },
    },
  ],
};

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let edge: Edge;
let base: string;
let path: string;

beforeAll(async () => {
  edge = stack.use(await startEdge({ config: 'delivery: {corsOrigins: ["https://player.test"]}' }));
  const made = publish(edge, generationOf(presentation, newId('ast')));
  base = made.base;
  path = `${base}/${track}/1.m4s`;
  const prefix = `media/${made.assetId}/${made.generation.id}`;
  await edge.store.put(`${prefix}/${track}/1.m4s`, bytes);
  await edge.store.put(`${prefix}/${track}/init.mp4`, bytes);
  await edge.store.put(`${prefix}/audio/aac-en-64k/2.m4s`, bytes);
  await edge.store.put(`${prefix}/${track}/2.m4s`, Buffer.alloc(33 * 1024 * 1024, 7));
});

describe('a segment', () => {
  test('has all that caches and players want', async () => {
    const answer = await edge.get(path);
    expect(answer.body).toEqual(bytes);
    expect(answer.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '1000',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      etag: expect.stringMatching(/^"[^"]+"$/),
      'last-modified': expect.stringMatching(/GMT$/),
    });
    const sound = await edge.get(`${base}/audio/aac-en-64k/2.m4s`);
    expect(sound.headers['content-type']).toBe('audio/mp4');
    const head = await edge.get(path, { range: 'bytes=0-1' }, 'HEAD');
    expect([head.status, head.headers['content-length'], head.body.byteLength]).toEqual([200, '1000', 0]);
    expect(head.headers.etag).toBe(answer.headers.etag);
  });

  test('is sent in part', async () => {
    const parts = { 'bytes=0-9': [0, 10], 'bytes=990-': [990, 1000], 'bytes=-1': [999, 1000] };
    for (const [range, [start = 0, end = 0]] of Object.entries(parts)) {
      const answer = await edge.get(path, { range });
      expect(answer.status).toBe(206);
      expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/1000`);
      expect(answer.body).toEqual(bytes.subarray(start, end));
    }
    const outside = await edge.get(path, { range: 'bytes=1000-' });
    expect([outside.status, outside.headers['content-range']]).toEqual([416, 'bytes */1000']);
    const many = await edge.get(path, {
      range: `bytes=${Array.from({ length: 900 }, (_, i) => `${i}-${i}`)}`,
    });
    expect([many.status, many.body.byteLength]).toEqual([200, 1000]);
  });

  test('is not sent again', async () => {
    const { headers } = await edge.get(path);
    const [etag = '', date = ''] = [headers.etag, headers['last-modified']];
    for (const condition of [{ 'if-none-match': etag }, { 'if-modified-since': date }]) {
      const answer = await edge.get(path, condition);
      expect([answer.status, answer.body.byteLength, answer.headers.etag]).toEqual([304, 0, etag]);
    }
    const range = 'bytes=0-9';
    expect((await edge.get(path, { range, 'if-range': etag })).status).toBe(206);
    expect((await edge.get(path, { range, 'if-range': date })).status).toBe(206);
    expect((await edge.get(path, { range, 'if-range': '"other"' })).status).toBe(200);
  });

  test('that is too large for memory is streamed, whole or in part, and dropped when the viewer goes', async () => {
    const large = `${base}/${track}/2.m4s`;
    const whole = await edge.get(large);
    expect(whole.body.equals(Buffer.alloc(33 * 1024 * 1024, 7))).toBe(true);
    const part = await edge.get(large, { range: 'bytes=5-8' });
    expect([part.status, part.headers['content-range'], part.body]).toEqual([
      206,
      `bytes 5-8/${33 * 1024 * 1024}`,
      Buffer.alloc(4, 7),
    ]);
    expect((await edge.get(large, {}, 'HEAD')).headers['content-length']).toBe(String(33 * 1024 * 1024));
    await new Promise<void>((resolve) => {
      const leaving = request({ port: edge.port, path: large, agent: false }, (response) => {
        response.once('data', () => leaving.destroy());
        response.once('close', resolve);
        response.on('error', () => undefined);
      });
      leaving.on('error', () => undefined).end();
    });
    expect((await edge.get(path)).status).toBe(200);
  });

  test('outside of the track is refused without a look into the store', async () => {
    const before = edge.reads.length;
    for (const [name, reason] of Object.entries({
      [`${track}/3.m4s`]: 'SEGMENT_NOT_FOUND',
      [`${track}/0.m4s`]: 'PATH_NOT_FOUND',
      'video/h264-2160p/1.m4s': 'TRACK_NOT_FOUND',
      'video/h264-2160p/media.m3u8': 'TRACK_NOT_FOUND',
    })) {
      const answer = await edge.get(`${base}/${name}`);
      expect([answer.status, reasonOf(answer)]).toEqual([404, reason]);
    }
    expect(edge.reads.length).toBe(before);
  });

  test('that the store has lost is missed for a second', async () => {
    const missing = `${base}/audio/aac-en-64k/1.m4s`;
    const before = edge.reads.length;
    for (let i = 0; i < 3; i++) expect(reasonOf(await edge.get(missing))).toBe('SEGMENT_MISSING');
    expect(edge.reads.length).toBe(before + 1);
  });
});

describe('requests', () => {
  test('of other methods are refused', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await edge.get(path, {}, method);
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    }
  });

  test('from pages are allowed by origin', async () => {
    const origin = 'https://player.test';
    const preflight = await edge.get(path, { origin, 'access-control-request-headers': 'range' }, 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-headers': expect.stringContaining('range'),
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
    });
    const { headers } = await edge.get(path, { origin });
    expect(headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': expect.stringContaining('content-range'),
      'timing-allow-origin': origin,
      vary: 'origin',
    });
    const stranger = await edge.get(`${base}/master.m3u8`, { origin: 'https://other.test' });
    expect(stranger.headers['access-control-allow-origin']).toBeUndefined();
    expect(stranger.headers.vary).toBe('accept-encoding, origin');
  });

  test('over HTTP/2 get the same, HEAD and failures too', async () => {
    const session = connectHttp2(edge.server.url);
    const ask = (method: string, at: string) =>
      new Promise<[number, number]>((resolve, reject) => {
        let status = 0;
        let length = 0;
        const stream = session.request({ ':method': method, ':path': at });
        stream.on('response', (headers) => {
          status = Number(headers[':status']);
        });
        stream.on('data', (chunk: Buffer) => {
          length += chunk.byteLength;
        });
        stream.on('error', reject).on('end', () => resolve([status, length]));
      });
    expect(await ask('GET', path)).toEqual([200, 1000]);
    expect(await ask('HEAD', path)).toEqual([200, 0]);
    expect(await ask('GET', `${base}/${track}/2.m4s`)).toEqual([200, 33 * 1024 * 1024]);
    expect(await ask('HEAD', `${base}/nothing`)).toEqual([404, 0]);
    expect((await ask('GET', `${base}/nothing`))[0]).toBe(404);
    expect((await ask('POST', path))[0]).toBe(405);
    session.close();
  });

  test('with hostile paths end with 4xx, whatever they are', async () => {
    const piece = fc.constantFrom(
      ...['/', '//', '..', '%2e%2e', '%2f', '%00', '\\', '?', '#', '%', ';', 'é', '\u0001', '*'],
      ...[
        base,
        'video',
        track,
        '1.m4s',
        'init.mp4',
        'media.m3u8',
        'assets',
        '/play/',
        '/route/',
        'a'.repeat(300),
      ],
    );
    const prefix = fc.constantFrom('/v/', '/v', `${base}/`, '/play/', '/play/assets/', '/route/');
    const paths = fc
      .tuple(prefix, fc.array(piece, { minLength: 1, maxLength: 6 }))
      .map(([start, parts]) => start + parts.join(''));
    await fc.assert(
      fc.asyncProperty(paths, async (hostile) => {
        const status = await statusOf(hostile);
        if (status !== 200) expect([400, 404]).toContain(status);
        else
          expect(hostile).toMatch(new RegExp(`^${base}/${track}/(1\\.m4s|init\\.mp4|media\\.m3u8)([?#]|$)`));
      }),
      { numRuns: 150 },
    );
    expect(await statusOf(`${base}/${'x'.repeat(20_000)}`)).toBe(431);
  });
});

/** The status of a request line that no client library would send. */
function statusOf(target: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let text = '';
  const socket = connect(edge.port, '127.0.0.1', () => {
    socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  });
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', reject);
  socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])));
  return promise;
}
