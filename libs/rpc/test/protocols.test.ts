import { execFile } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Code, createClient } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { AssetService, ProfileService } from '@kerkis/contracts/catalog';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@kerkis/contracts/grpc/health';
import { UploadService } from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { afterEach, describe, expect, test } from 'vitest';
import { createMeshTransport } from '../src/index.ts';
import { assetId, createCleanup, startTestServer } from './fixture.ts';

let cleanup = createCleanup();
afterEach(async () => {
  await cleanup.close();
  cleanup = createCleanup();
});

describe.each([
  'mesh',
  'grpc',
  'grpc-web over HTTP/1',
  'grpc-web over HTTP/2',
  'connect over HTTP/1',
  'connect over HTTP/2',
])('a %s client', (kind) => {
  async function start() {
    const server = await startTestServer(cleanup);
    const transports = {
      mesh: () => cleanup.use(createMeshTransport({ address: server.address })),
      grpc: () => createGrpcTransport({ baseUrl: server.url }),
      'grpc-web over HTTP/1': () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: '1.1' }),
      'grpc-web over HTTP/2': () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: '2' }),
      'connect over HTTP/1': () => createConnectTransport({ baseUrl: server.url, httpVersion: '1.1' }),
      'connect over HTTP/2': () =>
        createConnectTransport({ baseUrl: server.url, httpVersion: '2', useBinaryFormat: false }),
    };
    return { server, transport: transports[kind as keyof typeof transports]() };
  }

  test('calls, with headers and trailers both ways', async () => {
    const { transport } = await start();
    const headers = new Headers();
    const collect = (received: Headers) => {
      for (const [key, value] of received) headers.set(key, value);
    };
    const answer = await createClient(ProfileService, transport).getProfile(
      { name: 'hd' },
      {
        headers: { 'x-echo': 'hello', 'x-echo-bin': 'AAH/' },
        onHeader: collect,
        onTrailer: collect,
      },
    );
    expect(answer.profile?.name).toBe('hd');
    expect(headers.get('x-echo')).toBe('hello');
    expect(headers.get('x-echo-bin')).toMatch(/^AAH\/=*$/);
    expect(headers.get('x-trailer')).toBe('last');
  });

  test('reads a server stream to its end', async () => {
    const { transport } = await start();
    const titles: (string | undefined)[] = [];
    const id = `${assetId.slice(0, -1)}2`;
    for await (const { asset } of createClient(AssetService, transport).watchAsset({ assetId: id })) {
      titles.push(asset?.title);
    }
    expect(titles).toEqual(['one', 'two']);
  });

  test('sends a client stream', async () => {
    const { transport } = await start();
    async function* parts() {
      yield { part: { case: 'start' as const, value: {} } };
      for (let i = 0; i < 8; i++)
        yield { part: { case: 'chunk' as const, value: new Uint8Array(512 * 1024) } };
    }
    const { upload } = await createClient(UploadService, transport).streamUpload(parts());
    expect(upload?.sizeBytes).toBe(8n * 512n * 1024n);
  });

  test('stops reading and the handler ends', async () => {
    const { transport, server } = await start();
    const { signal, abort } = abortable();
    const watching = createClient(AssetService, transport).watchAsset({ assetId }, { signal });
    await expect(async () => {
      for await (const { asset } of watching) if (asset?.title === 'two') abort();
    }).rejects.toMatchObject({ code: Code.Canceled });
    await expect.poll(() => server.seen.ended).toEqual([assetId]);
  });

  test('watches the health', async () => {
    const { transport } = await start();
    const health = createClient(Health, transport);
    expect(await health.check({ service: ProfileService.typeName })).toMatchObject({
      status: Status.SERVING,
    });
    const { signal, abort } = abortable();
    const seen: Status[] = [];
    await expect(async () => {
      for await (const { status } of health.watch({ service: 'unknown.Service' }, { signal })) {
        seen.push(status);
        abort();
      }
    }).rejects.toMatchObject({ code: Code.Canceled });
    expect(seen).toEqual([Status.SERVICE_UNKNOWN]);
  });
});

test('a call is plain JSON over HTTP, and cacheable as GET', async () => {
  const { url } = await startTestServer(cleanup);
  const path = `${url}/kerkis.catalog.v1.ProfileService/GetProfile`;
  const post = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"hd"}',
  });
  expect(await post.json()).toEqual({ profile: { name: 'hd' } });
  const get = await fetch(`${path}?encoding=json&message=${encodeURIComponent('{"name":"sd"}')}`);
  expect(await get.json()).toEqual({ profile: { name: 'sd' } });
});

test.each(['v1', 'v1alpha'])('buf curl finds the API by %s reflection and calls it', async (version) => {
  const { url } = await startTestServer(cleanup);
  const { stdout } = await promisify(execFile)(join(import.meta.dirname, '../../../node_modules/.bin/buf'), [
    'curl',
    '--http2-prior-knowledge',
    '--protocol=grpc',
    '--reflect',
    `--reflect-protocol=grpc-${version}`,
    '--data={"name":"hd"}',
    `${url}/kerkis.catalog.v1.ProfileService/GetProfile`,
  ]);
  expect(JSON.parse(stdout)).toEqual({ profile: { name: 'hd' } });
});

test('plain HTTP handlers share the port, over HTTP/1 and HTTP/2', async () => {
  const { url } = await startTestServer(cleanup, {
    http: [
      (req) => {
        if (req.url === '/fail') throw new KerkisError('too_large', 'UPLOAD_TOO_LARGE', 'Too large.');
        return false;
      },
      async (req, res) => {
        if (req.url !== '/upload') return false;
        let sizeBytes = 0;
        for await (const chunk of req) sizeBytes += chunk.length;
        res.end(String(sizeBytes));
        return true;
      },
    ],
  });
  const body = new Uint8Array(3 * 1024 * 1024);
  expect(await (await fetch(`${url}/upload`, { method: 'POST', body })).text()).toBe(String(body.length));
  const failed = await fetch(`${url}/fail`);
  expect(failed.status).toBe(413);
  expect(await failed.json()).toMatchObject({
    kind: 'too_large',
    reason: 'UPLOAD_TOO_LARGE',
    message: 'Too large.',
  });
  expect((await fetch(`${url}/nothing`)).status).toBe(404);

  const session = connectHttp2(url);
  const stream = session.request({ ':path': '/upload', ':method': 'PUT' });
  stream.end(Buffer.alloc(100_000));
  expect((await Array.fromAsync(stream)).join('')).toBe('100000');
  session.close();
});

test('liveness, readiness and metrics', async () => {
  const { url, telemetry } = await startTestServer(cleanup);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({
    ready: true,
    checks: [{ service: 'catalog', name: 'database', ok: true }],
  });
  const transport = cleanup.use(createMeshTransport({ address: new URL(url).host, telemetry }));
  await createClient(ProfileService, transport).getProfile({ name: 'hd' });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(
    /^rpc_server_call_duration_count\{.*rpc_method="kerkis.catalog.v1.ProfileService\/GetProfile".*\} 1$/m,
  );
  expect(metrics).toMatch(/^rpc_client_call_duration_count\{.*rpc_status_code="OK".*\} 1$/m);
});

test('without a metrics handler there is no /metrics', async () => {
  const { url } = await startTestServer(cleanup, { metricsHandler: undefined });
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
});

test('a failing dependency is named in the readiness, without the words of its driver', async () => {
  const { telemetry } = await startTestServer(cleanup);
  const { url } = await startTestServer(cleanup, {
    parts: [
      {
        name: 'catalog',
        telemetry,
        routes: () => undefined,
        readiness: [
          { name: 'nats', check: () => Promise.reject(new Error('nats://user:pass@host')) },
          { name: 'objects', check: async () => undefined },
        ],
      },
    ],
  });
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  const text = await ready.text();
  expect(JSON.parse(text)).toMatchObject({
    ready: false,
    checks: [
      { name: 'nats', ok: false },
      { name: 'objects', ok: true },
    ],
  });
  expect(text).not.toContain('pass');
});

test('the first bytes may come one by one, for either protocol', async () => {
  const { port } = await startTestServer(cleanup);
  const http1 = await open(port);
  for (const byte of 'PROPFIND /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await write(http1, byte);
  expect((await Array.fromAsync(http1)).join('')).toMatch(/^HTTP\/1\.1 200 OK/);

  const http2 = await open(port);
  const settings = '\0\0\0\x04\0\0\0\0\0';
  for (const byte of `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`) await write(http2, byte);
  // The server's own SETTINGS frame: 3 bytes of length, then type 4.
  const [first] = await Array.fromAsync(http2.take(1));
  expect(first[3]).toBe(4);
  http2.destroy();
});

test('pipelined requests on one connection are all answered', async () => {
  const { port } = await startTestServer(cleanup);
  const socket = await open(port);
  const get = (last: boolean) =>
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${last ? 'Connection: close\r\n' : ''}\r\n`;
  socket.write(get(false) + get(false) + get(true));
  expect((await Array.fromAsync(socket)).join('').match(/200 OK/g)).toHaveLength(3);
});

test('who sends no headers, or stops in mid-body, is cut off; who waits for an answer is not', async () => {
  const { port, url } = await startTestServer(cleanup, {
    limits: { headersTimeoutMs: 200, stallTimeoutMs: 300 },
    http: [
      async (req, res) => {
        if (req.url !== '/wait') return false;
        await new Promise((resolve) => setTimeout(resolve, 900));
        res.end('patience');
        return true;
      },
      async (req, res) => {
        for await (const _chunk of req) {
          // Read to the end.
        }
        res.end();
        return true;
      },
    ],
  });
  const waiting = fetch(`${url}/wait`).then((response) => response.text());
  const silent = await open(port);
  const slow = await open(port);
  slow.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
  const stalled = await open(port);
  stalled.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123');
  await Promise.all([silent, slow, stalled].map((socket) => Array.fromAsync(socket).catch(() => [])));
  expect(await waiting).toBe('patience');
});

test('an HTTP/2 body that stops is cut off, a stream of messages may pause', async () => {
  const { url, address, seen } = await startTestServer(cleanup, { limits: { stallTimeoutMs: 200 } });
  const session = connectHttp2(url);
  const stalled = session.request({
    ':path': '/kerkis.catalog.v1.ProfileService/GetProfile',
    ':method': 'POST',
    'content-type': 'application/proto',
  });
  stalled.on('error', () => undefined);
  stalled.write('x');
  const cutOff = new Promise((resolve) => stalled.once('close', () => resolve(stalled.rstCode)));
  async function* parts() {
    yield { part: { case: 'chunk' as const, value: new Uint8Array(5) } };
    await cutOff;
    await new Promise((resolve) => setTimeout(resolve, 400));
    yield { part: { case: 'chunk' as const, value: new Uint8Array(5) } };
  }
  const mesh = cleanup.use(createMeshTransport({ address }));
  await createClient(UploadService, mesh).streamUpload(parts());
  expect(await cutOff).not.toBe(0);
  expect(seen.receivedBytes).toEqual([10]);
  session.close();
});

test('pages of allowed origins may call, others may not', async () => {
  const { url } = await startTestServer(cleanup, { allowedOrigins: ['https://console.test'] });
  const path = `${url}/kerkis.catalog.v1.ProfileService/GetProfile`;
  const preflight = (origin: string) => fetch(path, { method: 'OPTIONS', headers: { origin } });
  const allowed = await preflight('https://console.test');
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://console.test');
  expect(allowed.headers.get('access-control-allow-headers')).toMatch(/content-type.*authorization/i);
  expect((await preflight('https://evil.test')).headers.get('access-control-allow-origin')).toBeNull();
  for (const httpVersion of ['1.1', '2'] as const) {
    let header: string | null = null;
    const transport = createConnectTransport({ baseUrl: url, httpVersion });
    await createClient(ProfileService, transport).getProfile(
      { name: 'hd' },
      {
        headers: { origin: 'https://console.test' },
        onHeader: (received) => {
          header = received.get('access-control-allow-origin');
        },
      },
    );
    expect(header).toBe('https://console.test');
  }
});

test('calls are spread over all addresses of a service', async () => {
  const servers = [await startTestServer(cleanup), await startTestServer(cleanup)];
  const address = `ipv4:${servers.map((server) => server.address).join(',')}`;
  const profiles = createClient(ProfileService, cleanup.use(createMeshTransport({ address })));
  const answered = () =>
    servers.map(({ lines }) => lines.filter(({ msg }) => msg === 'call answered').length);
  await expect
    .poll(async () => {
      await profiles.getProfile({ name: 'hd' });
      return Math.min(...answered());
    })
    .toBeGreaterThan(2);
});

test('a connection has at most so many streams', async () => {
  const { url } = await startTestServer(cleanup);
  const session = connectHttp2(url);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  expect(session.remoteSettings.maxConcurrentStreams).toBe(128);
  session.close();
});

test('a request without a usable host is refused', async () => {
  const { port } = await startTestServer(cleanup);
  const status = await new Promise((resolve) => {
    const path = '/kerkis.catalog.v1.ProfileService/GetProfile';
    httpRequest(
      { port, path, method: 'POST', headers: { host: 'a b:c', 'content-type': 'application/json' } },
      (res) => {
        resolve(res.statusCode);
        res.destroy();
      },
    )
      .on('error', resolve)
      .end('{}');
  });
  expect(status).toBe(403);
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

async function write(socket: Socket, bytes: string): Promise<void> {
  await new Promise((resolve) => socket.write(bytes, 'latin1', resolve));
  await new Promise((resolve) => setTimeout(resolve, 1));
}
