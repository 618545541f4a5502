import { request } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { GenerationState } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { toConnectError } from '@kerkis/rpc';
import { tempDir, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { durationSeconds, frameRate, generatePresentation } from '../src/player/playback-fixture.ts';
import { decodedFrames } from './decoded-frames.ts';
import {
  type Edge,
  fetchRaw,
  generationOf,
  publish,
  reasonOf,
  startEdge,
  storeMedia,
} from './edge-fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let edge: Edge;
let directory: string;
let film: Awaited<ReturnType<typeof generatePresentation>>;
const picture = 'video/h264-90p';

beforeAll(async () => {
  directory = stack.use(await tempDir('film')).path;
  film = await generatePresentation(directory);
  edge = stack.use(await startEdge({ config: 'delivery: {segmentWaitSeconds: 1, readAhead: false}' }));
});

beforeEach(() => {
  delete edge.fault.error;
  edge.catalog.state.down = false;
});

const planned = () => publish(edge, generationOf(film, newId('ast'), { state: GenerationState.PLANNED }));
const keyOf = ({ assetId, id }: { assetId: string; id: string }, n = 1) =>
  `media/${assetId}/${id}/${picture}/${n}.m4s`;

describe('a segment that is not made yet', () => {
  test('is asked for once, waited for and sent to everybody', async () => {
    const { base, generation } = planned();
    const asked: unknown[] = [];
    edge.transcode.ensure = async ({ generationId, track, segment }) => {
      asked.push({ generationId, track, segment });
      await edge.store.put(keyOf(generation, segment), Buffer.from('made on demand'));
    };
    const answers = await Promise.all(Array.from({ length: 50 }, () => edge.get(`${base}/${picture}/2.m4s`)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(
      new Set(['200 made on demand']),
    );
    expect(asked).toEqual([{ generationId: generation.id, track: picture, segment: 2 }]);
  });

  test('lets ffmpeg play a film that is encoded while it is watched', async () => {
    const { base, generation } = planned();
    const making = new Map<string, Promise<void>>();
    edge.transcode.ensure = async ({ track }) => {
      const made = making.get(track) ?? storeMedia(edge.store, directory, generation, [track]);
      making.set(track, made);
      await made;
    };
    expect(await decodedFrames(`${edge.url}${base}/master.m3u8`, 'v')).toEqual({
      frames: [durationSeconds * frameRate],
      complaints: '',
    });
    expect(making.has('video/h264-180p')).toBe(false);
  });

  test('and is not made in time is to be asked for again', async () => {
    const { base } = planned();
    edge.transcode.ensure = (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const late = await edge.get(`${base}/${picture}/1.m4s`);
    expect([late.status, reasonOf(late), late.headers['retry-after']]).toEqual([
      503,
      'SEGMENT_NOT_READY_IN_TIME',
      '1',
    ]);
    edge.transcode.ensure = () => Promise.reject(new ConnectError('off', Code.Unavailable));
    expect((await edge.get(`${base}/${picture}/1.m4s`)).status).toBe(503);
  });

  test('and never will be is not found, with the reason', async () => {
    const { base } = planned();
    let calls = 0;
    edge.transcode.ensure = () => {
      calls += 1;
      throw toConnectError(new KerkisError('precondition', 'JOB_ENDED', 'The job was cancelled.'));
    };
    for (let i = 0; i < 3; i++) {
      const answer = await edge.get(`${base}/${picture}/1.m4s`);
      expect([answer.status, reasonOf(answer)]).toEqual([404, 'JOB_ENDED']);
    }
    expect(calls).toBe(1);
  });

  test('is given up when the last viewer who waits goes away', async () => {
    const { base } = planned();
    let aborted = false;
    let asked = false;
    edge.transcode.ensure = (_, { signal }) => {
      asked = true;
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(signal.reason);
        }),
      );
    };
    const path = `${base}/${picture}/1.m4s`;
    const viewer = request({ port: edge.port, path, agent: false });
    viewer.on('error', () => undefined).end();
    const session = connectHttp2(edge.server.url);
    const stream = session.request({ ':path': path });
    stream.on('error', () => undefined);
    await waitUntil(() => asked);
    viewer.destroy();
    stream.close(constants.NGHTTP2_CANCEL);
    await waitUntil(() => aborted, { timeoutMs: 900 });
    session.close();
  });
});

test('a crowd on one segment reads the store once', async () => {
  const { base, generation } = publish(edge, generationOf(film, newId('ast')));
  await edge.store.put(keyOf(generation), Buffer.alloc(100_000, 1));
  const before = edge.reads.length;
  const lookUps = edge.catalog.state.lookUps;
  const answers = await Promise.all(
    Array.from({ length: 1000 }, () => fetchRaw({ port: edge.port, path: `${base}/${picture}/1.m4s` })),
  );
  expect(answers.every(({ status, body }) => status === 200 && body.byteLength === 100_000)).toBe(true);
  expect(edge.reads.slice(before)).toEqual([keyOf(generation)]);
  expect(edge.catalog.state.lookUps - lookUps).toBeLessThanOrEqual(10);
});

test('without the catalog what is known plays on, and the rest is to be asked for again', async () => {
  const { base, generation } = publish(edge, generationOf(film, newId('ast')));
  await storeMedia(edge.store, directory, generation, [picture]);
  expect((await edge.get(`${base}/master.m3u8`)).status).toBe(200);
  edge.catalog.state.down = true;
  const lookUps = edge.catalog.state.lookUps;
  // After a lost connection the edge asks again about everything, because it may have missed a change: here in vain.
  await edge.nats.restart();
  await waitUntil(() => edge.bus.ready());
  const statuses: number[] = [];
  await waitUntil(async () => {
    statuses.push((await edge.get(`${base}/${picture}/1.m4s`)).status);
    return edge.catalog.state.lookUps > lookUps + 1;
  });
  expect(new Set(statuses)).toEqual(new Set([200]));
  const unknown = await edge.get(`/v/${newId('pbk')}/master.m3u8`);
  expect([unknown.status, reasonOf(unknown), unknown.headers['retry-after']]).toEqual([
    503,
    'CATALOG_UNAVAILABLE',
    '2',
  ]);
});

test('without the store what is in memory plays on', async () => {
  const { base, generation } = publish(edge, generationOf(film, newId('ast')));
  await storeMedia(edge.store, directory, generation, [picture]);
  await edge.get(`${base}/${picture}/1.m4s`);
  edge.fault.error = new KerkisError('forbidden', 'STORAGE_ACCESS_DENIED', 'The secret key is wrong.');
  expect((await edge.get(`${base}/${picture}/1.m4s`)).status).toBe(200);
  const other = await edge.get(`${base}/${picture}/2.m4s`);
  expect([other.status, reasonOf(other), other.headers['retry-after']]).toEqual([
    503,
    'STORAGE_UNAVAILABLE',
    '2',
  ]);
  expect(other.body.toString()).not.toContain('secret');
  delete edge.fault.error;
  expect((await edge.get(`${base}/${picture}/2.m4s`)).status).toBe(200);
});

test('without a memory cache everything is served too', async () => {
  await using frugal = await startEdge({ config: 'delivery: {memoryCacheBytes: 0, manifestTtlSeconds: 0}' });
  const { base, generation } = publish(frugal, generationOf(film, newId('ast')));
  await storeMedia(frugal.store, directory, generation, [picture]);
  for (let i = 0; i < 2; i++) expect((await frugal.get(`${base}/${picture}/1.m4s`)).status).toBe(200);
  expect(frugal.reads).toHaveLength(2);
});
