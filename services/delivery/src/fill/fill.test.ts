import { createServer } from 'node:http';
import { openObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import { freePort, tempDir } from '@kerkis/testing';
import { afterAll, expect, test } from 'vitest';
import { createCounts } from '../cache/counts.ts';
import { createOrigin } from '../cache/origin.ts';
import { createRamCache } from '../cache/ram-cache.ts';
import { createMediaObjects } from '../media/media-objects.ts';
import { createFillClient } from './client.ts';
import { fillHandler } from './handler.ts';
import { createPeers } from './peers.ts';
import { createSeal } from './seal.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const telemetry = startTelemetry({
  serviceName: 'delivery',
  version: '0',
  logLevel: 'fatal',
  sampleRatio: 0,
});
stack.use(telemetry);
const seal = createSeal('a secret of this test');
const key = 'media/ast_1/gen_1/video/x/1.m4s';

async function store() {
  const opened = stack.use(
    await openObjectStore({ kind: 'filesystem', directory: stack.use(await tempDir('fill')).path }),
  );
  await opened.put(key, Buffer.alloc(1_000, 1));
  return opened;
}

/** An edge that takes another one for the owner of everything. */
async function edgeThatAsks(askedPort: number, port: number) {
  const counts = createCounts();
  const reads: string[] = [];
  const opened = await store();
  const watched = {
    get: (asked: string, options: object) => {
      reads.push(asked);
      return opened.get(asked, options);
    },
  };
  const peers = stack.use(
    createPeers({
      list: () => [{ id: 'other', region: '', url: `http://127.0.0.1:${askedPort}` }],
      ownId: 'self',
      region: '',
      seal,
      tracer: telemetry.tracer,
      counts: counts.peer,
    }),
  );
  const objects = createMediaObjects({
    ram: createRamCache({ capacityBytes: 1_000_000, counts: counts.ram }),
    peers,
    origin: createOrigin({ store: watched, tracer: telemetry.tracer, counts: counts.origin, maxReads: 4 }),
    observe: () => undefined,
  });
  const handler = fillHandler({ here: (wanted) => objects.here(wanted), seal, telemetry });
  await serve(port, (req, res) => void handler(req, res));
  return { objects, reads, counts };
}

async function serve(port: number, listener: Parameters<typeof createServer>[1]): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
}

test('two edges that take each other for the owner do not wait for each other', async () => {
  const [a, b] = [await freePort(), await freePort()];
  const [one, other] = [await edgeThatAsks(b, a), await edgeThatAsks(a, b)];
  const objects = await Promise.all(
    Array.from({ length: 20 }, (_, i) => (i % 2 ? one : other).objects.read(key)),
  );
  expect(new Set(objects.map(({ bytes }) => bytes?.byteLength))).toEqual(new Set([1_000]));
  expect([one.reads, other.reads]).toEqual([[key], [key]]);
  expect([one.counts.peer.hits, other.counts.peer.hits]).toEqual([1, 1]);
});

test('who cannot prove that it belongs to the mesh is not believed, whatever it says', async () => {
  const answers = [
    [404, ''],
    [200, 'a page of somebody else'],
    [302, ''],
    [500, ''],
  ] as const;
  for (const [status, body] of answers) {
    const [own, stranger] = [await freePort(), await freePort()];
    await serve(stranger, (_, res) => {
      res.writeHead(status, {
        etag: '"x"',
        'content-length': body.length,
        'x-kerkis-object-size': body.length,
      });
      res.end(body);
    });
    const edge = await edgeThatAsks(stranger, own);
    expect((await edge.objects.read(key)).bytes?.byteLength).toBe(1_000);
    expect(edge.counts.peer).toMatchObject({ hits: 0, misses: 0, failures: 1 });
  }
});

test('an edge that is slow, silent or cuts its answer off is passed over', async () => {
  const port = await freePort();
  let mode = 0;
  // Its turns: silent, gone, cut off, stalled, good.
  await serve(port, (req, res) => {
    mode += 1;
    if (mode === 1) return;
    if (mode === 2) return void req.socket.destroy();
    const authorization = req.headers.authorization ?? '';
    const answer = { status: 200, etag: '"x"', lastModified: '', sizeBytes: 10, bodyBytes: 10 };
    const proof = seal.answer(authorization, answer);
    res.writeHead(200, {
      etag: '"x"',
      'content-length': 10,
      'x-kerkis-object-size': 10,
      'x-kerkis-fill': proof,
    });
    if (mode === 3) return void res.write('short', () => req.socket.destroy());
    if (mode === 4) return void res.write('stall');
    res.end('0123456789');
  });
  await using client = createFillClient(seal, { connectMs: 1_000, answerMs: 200, totalMs: 400 });
  await using patient = createFillClient(seal);
  const kinds: string[] = [];
  for (const asking of [client, patient, patient, client, patient]) {
    kinds.push((await asking.ask(`http://127.0.0.1:${port}`, { key })).kind);
  }
  expect(kinds).toEqual(['failed', 'failed', 'failed', 'failed', 'pieces']);
});
