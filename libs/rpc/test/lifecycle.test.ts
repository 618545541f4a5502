import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { AssetService, ProfileService } from '@kerkis/contracts/catalog';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@kerkis/contracts/grpc/health';
import { UploadService } from '@kerkis/contracts/upload';
import { injectHeaders, withSpan } from '@kerkis/telemetry';
import { afterEach, expect, test } from 'vitest';
import { createMeshTransport, fromConnectError, inheritCall, traceRequest } from '../src/index.ts';
import { assetId, createCleanup, startTestServer, testTelemetry } from './fixture.ts';

let cleanup = createCleanup();
afterEach(async () => {
  await cleanup.close();
  cleanup = createCleanup();
});

test('a drain ends watches, lets uploads and requests finish, and refuses what is new', async () => {
  const released = Promise.withResolvers<void>();
  const server = await startTestServer(cleanup, {
    drainMs: 30_000,
    http: [
      async (req, res) => {
        if (req.url !== '/slow') return false;
        await released.promise;
        res.end('done');
        return true;
      },
    ],
  });
  const mesh = cleanup.use(createMeshTransport({ address: server.address, defaultTimeoutMs: 1000 }));
  const idle = connect(server.port, '127.0.0.1');
  await new Promise((resolve) => idle.once('connect', resolve));

  const watchStarted = Promise.withResolvers<void>();
  const watch = (async () => {
    for await (const { asset } of createClient(AssetService, mesh).watchAsset({ assetId })) {
      if (asset?.title === 'two') watchStarted.resolve();
    }
  })().catch(fromConnectError);
  const healthStates: Status[] = [];
  const healthWatch = (async () => {
    for await (const { status } of createClient(Health, mesh).watch({})) healthStates.push(status);
  })().catch(fromConnectError);
  const uploadStarted = Promise.withResolvers<void>();
  async function* parts() {
    yield { part: { case: 'chunk' as const, value: new Uint8Array(1000) } };
    uploadStarted.resolve();
    await released.promise;
    yield { part: { case: 'chunk' as const, value: new Uint8Array(1000) } };
  }
  const upload = createClient(UploadService, mesh).streamUpload(parts());
  const request = fetch(`${server.url}/slow`);
  await Promise.all([watchStarted.promise, uploadStarted.promise]);
  await expect.poll(() => healthStates).toEqual([Status.SERVING]);

  const drained = server[Symbol.asyncDispose]();
  expect(await watch).toMatchObject({
    kind: 'unavailable',
    message: 'The server is shutting down. Ask again.',
  });
  expect(server.seen.ended).toEqual([assetId]);
  expect(await healthWatch).toMatchObject({ kind: 'unavailable' });
  expect(healthStates).toEqual([Status.SERVING, Status.NOT_SERVING]);
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();

  released.resolve();
  expect((await upload).upload?.sizeBytes).toBe(2000n);
  const answer = await request;
  expect(answer.headers.get('connection')).toBe('close');
  expect(await answer.text()).toBe('done');
  await drained;
  idle.destroy();
});

test('what outlives the drain time is aborted, then cut', async () => {
  const server = await startTestServer(cleanup, {
    drainMs: 300,
    http: [() => new Promise<boolean>(() => undefined)],
  });
  const mesh = cleanup.use(createMeshTransport({ address: server.address }));
  const call = createClient(ProfileService, mesh).getProfile({ name: 'slow' }).catch(fromConnectError);
  const request = fetch(`${server.url}/never`).catch((error: unknown) => error);
  await expect.poll(async () => (await fetch(`${server.url}/metrics`)).status).toBe(200);
  await server[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  expect(await call).toMatchObject({ kind: 'unavailable' });
  expect(await request).toBeInstanceOf(TypeError);
  expect(server.lines).toContainEqual(expect.objectContaining({ msg: 'calls outlived the drain time' }));
});

test('idempotent calls are tried again until the server is there, others fail at once', async () => {
  const first = await startTestServer(cleanup);
  const mesh = cleanup.use(createMeshTransport({ address: first.address, defaultTimeoutMs: 20_000 }));
  const profiles = createClient(ProfileService, mesh);
  await profiles.getProfile({ name: 'hd' });
  await first[Symbol.asyncDispose]();

  const uploads = createClient(UploadService, mesh);
  async function* nothing() {}
  expect(await uploads.streamUpload(nothing()).catch(fromConnectError)).toMatchObject({
    kind: 'unavailable',
  });
  const again = profiles.getProfile({ name: 'hd' });
  await startTestServer(cleanup, { port: first.port });
  expect((await again).profile?.name).toBe('hd');
});

test('a call inherits the end and the time left of the call that makes it', async () => {
  const back = await startTestServer(cleanup);
  const mesh = cleanup.use(createMeshTransport({ address: back.address }));
  const front = await startTestServer(cleanup, {
    parts: [
      {
        name: 'catalog',
        telemetry: back.telemetry,
        routes: (router) =>
          router.rpc(ProfileService.method.getProfile, (request, context) =>
            createClient(ProfileService, mesh).getProfile(request, inheritCall(context)),
          ),
      },
    ],
  });
  const client = createClient(ProfileService, cleanup.use(createMeshTransport({ address: front.address })));
  // Connected all the way: what ends before it arrives leaves no line at the other end.
  await client.getProfile({ name: 'hd' });
  const abort = new AbortController();
  const aborted = client.getProfile({ name: 'slow' }, { signal: abort.signal }).catch(fromConnectError);
  await new Promise((resolve) => setTimeout(resolve, 500));
  abort.abort();
  expect(await aborted).toMatchObject({ kind: 'cancelled' });
  const late = await client.getProfile({ name: 'slow' }, { timeoutMs: 1_000 }).catch(fromConnectError);
  expect(late).toMatchObject({ kind: 'deadline' });
  const endings = () =>
    back.lines.filter(({ method, code }) => method && code !== 'OK').map(({ code }) => code);
  await expect.poll(endings).toEqual(expect.arrayContaining(['CANCELLED']));
});

test('client, server and handler spans are one trace', async () => {
  interface Span {
    name: string;
    service: string;
    traceId: string;
    spanId: string;
    parentSpanId?: string;
    kind: number;
  }
  const spans: Span[] = [];
  const receiver = createServer(async (req, res) => {
    const body = JSON.parse(Buffer.concat(await Array.fromAsync(req)).toString());
    for (const { resource, scopeSpans } of body.resourceSpans ?? []) {
      const name = resource.attributes.find(({ key }: { key: string }) => key === 'service.name').value
        .stringValue;
      for (const scope of scopeSpans) for (const span of scope.spans) spans.push({ ...span, service: name });
    }
    res.end('{}');
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  cleanup.use(receiver);
  const otlpEndpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const { telemetry } = testTelemetry(otlpEndpoint);
  cleanup.use(telemetry);
  const server = await startTestServer(cleanup, {
    otlpEndpoint,
    http: [
      (req, res) =>
        traceRequest(telemetry.forService('upload'), '/upload/tus/{id}', req, res, () => {
          res.writeHead(204).end();
          return true;
        }),
    ],
  });
  const caller = telemetry.forService('transcode');
  const mesh = cleanup.use(createMeshTransport({ address: server.address, telemetry: caller }));
  await withSpan(caller.tracer, 'job', {}, async () => {
    await createClient(ProfileService, mesh).getProfile({ name: 'hd' });
    for await (const _ of createClient(AssetService, mesh).watchAsset({
      assetId: `${assetId.slice(0, -1)}2`,
    })) {
      // Read to the end.
    }
  });
  await withSpan(caller.tracer, 'request', {}, () =>
    fetch(`${server.url}/upload/tus/upl_1`, { method: 'PATCH', headers: injectHeaders() }),
  );
  await Promise.all([telemetry.flush(), server.telemetry.flush()]);

  const root = spans.find(({ name }) => name === 'job');
  expect(spans.filter(({ traceId }) => traceId === root?.traceId)).toHaveLength(5);
  const sent = spans.find(({ name }) => name === 'request');
  const received = spans.find(({ name }) => name === 'PATCH /upload/tus/{id}');
  expect(received).toMatchObject({
    service: 'kerkis-upload',
    parentSpanId: sent?.spanId,
    traceId: sent?.traceId,
  });
  for (const method of [
    'kerkis.catalog.v1.ProfileService/GetProfile',
    'kerkis.catalog.v1.AssetService/WatchAsset',
  ]) {
    const client = spans.find(({ name, kind }) => name === method && kind === 3);
    const handled = spans.find(({ name, kind }) => name === method && kind === 2);
    expect(client).toMatchObject({ service: 'kerkis-transcode', parentSpanId: root?.spanId });
    expect(handled).toMatchObject({ service: 'kerkis-catalog', parentSpanId: client?.spanId });
  }
  const line = server.lines.find(({ msg }) => msg === 'call answered');
  expect(line).toMatchObject({ trace_id: root?.traceId });
});

const openssl = '/usr/bin/openssl';
const hasOpenssl = spawnSync(openssl, ['version']).status === 0;

test.skipIf(!hasOpenssl)('the same port speaks TLS, HTTP/1 and HTTP/2 by ALPN (needs openssl)', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kerkis-tls-'));
  try {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory, name)) as [string, string];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const args = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '1',
    ];
    execFileSync(openssl, [...args, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
    const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    const server = await startTestServer(cleanup, { tls });
    const mesh = cleanup.use(
      createMeshTransport({ address: `localhost:${server.port}`, tlsAuthority: tls.cert }),
    );
    expect((await createClient(ProfileService, mesh).getProfile({ name: 'hd' })).profile?.name).toBe('hd');
    const nodeOptions = { ca: tls.cert };
    const http1 = createConnectTransport({ baseUrl: server.url, httpVersion: '1.1', nodeOptions });
    expect((await createClient(ProfileService, http1).getProfile({ name: 'sd' })).profile?.name).toBe('sd');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a taken port is told by its listen error', async () => {
  const { port } = await startTestServer(cleanup);
  await expect(startTestServer(cleanup, { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
