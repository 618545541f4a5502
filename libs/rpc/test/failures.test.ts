import { Code, ConnectError, createClient } from '@connectrpc/connect';
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
import { apiKeyVerifier, createMeshTransport, fromConnectError, hashApiKey, meshKey } from '../src/index.ts';
import { assetId, createCleanup, startTestServer } from './fixture.ts';

let cleanup = createCleanup();
afterEach(async () => {
  await cleanup.close();
  cleanup = createCleanup();
});

const path = 'kerkis.catalog.v1.ProfileService';

async function failureOf(call: () => Promise<unknown>): Promise<KerkisError> {
  const caught = await call().then(
    () => expect.fail('the call should have failed'),
    (error: unknown) => error,
  );
  return fromConnectError(caught);
}

describe.each(['mesh', 'grpc', 'grpc-web', 'connect'])('over %s', (kind) => {
  async function start(options: Parameters<typeof startTestServer>[1] = {}) {
    const server = await startTestServer(cleanup, options);
    const transports = {
      mesh: () => cleanup.use(createMeshTransport({ address: server.address })),
      grpc: () => createGrpcTransport({ baseUrl: server.url }),
      'grpc-web': () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: '1.1' }),
      connect: () => createConnectTransport({ baseUrl: server.url, httpVersion: '1.1' }),
    };
    return { ...server, transport: transports[kind as keyof typeof transports]() };
  }

  test('an error of a handler comes back with kind, reason and details', async () => {
    const { transport, lines } = await start();
    const failure = await failureOf(() =>
      createClient(ProfileService, transport).getProfile({ name: 'missing' }),
    );
    expect(failure).toMatchObject({
      kind: 'not_found',
      reason: 'PROFILE_NOT_FOUND',
      message: 'There is no such profile.',
      details: { name: 'missing' },
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'call refused', reason: 'PROFILE_NOT_FOUND', level: 'info' }),
    );
  });

  test('an error in mid-stream comes back after the messages before it', async () => {
    const { transport, lines } = await start();
    const titles: unknown[] = [];
    const failure = await failureOf(async () => {
      const id = `${assetId.slice(0, -1)}1`;
      for await (const { asset } of createClient(AssetService, transport).watchAsset({ assetId: id })) {
        titles.push(asset?.title);
      }
    });
    expect(titles).toEqual(['one', 'two']);
    expect(failure).toMatchObject({ kind: 'precondition', reason: 'ASSET_DELETED' });
    expect(lines).toContainEqual(
      expect.objectContaining({ reason: 'ASSET_DELETED', code: 'FAILED_PRECONDITION' }),
    );
  });

  test('an unknown error does not leak and is logged with its cause', async () => {
    const { transport, lines } = await start();
    const failure = await failureOf(() =>
      createClient(ProfileService, transport).getProfile({ name: 'boom' }),
    );
    expect(failure).toMatchObject({ kind: 'internal', reason: 'INTERNAL' });
    expect(JSON.stringify([failure.message, failure.details])).not.toContain('hunter2');
    const line = lines.find(({ msg }) => msg === 'call failed');
    expect(line).toMatchObject({ level: 'error', method: `${path}/GetProfile` });
    expect(JSON.stringify(line)).toContain('hunter2');
  });

  test('every wrong field of a request is named', async () => {
    const { transport } = await start();
    const client = createClient(ProfileService, transport);
    const failure = await failureOf(() =>
      client.updateProfile({ profile: { name: 'NOT ok', segmentMs: 5, renditions: [{ crf: 400 }] } }),
    );
    expect(failure).toMatchObject({ kind: 'invalid', reason: 'REQUEST_INVALID' });
    const fields = failure.violations.map(({ field }) => field);
    expect(fields).toContain('profile.name');
    expect(fields).toContain('profile.segment_ms');
    expect(fields.some((field) => field.startsWith('profile.renditions[0].'))).toBe(true);
    expect(failure.message).toContain('profile.segment_ms: ');
  });

  test('a wrong message in a client stream is refused', async () => {
    const { transport } = await start();
    async function* parts() {
      yield { part: { case: 'chunk' as const, value: new Uint8Array(2 * 1024 * 1024) } };
    }
    const failure = await failureOf(() => createClient(UploadService, transport).streamUpload(parts()));
    expect(failure).toMatchObject({ kind: 'invalid', violations: [{ field: 'chunk' }] });
  });

  test('a message above the limit is refused, unary and in a stream', async () => {
    const { transport, lines } = await start({ limits: { maxMessageBytes: 10_000 } });
    const name = 'x'.repeat(20_000);
    const unary = await failureOf(() => createClient(ProfileService, transport).getProfile({ name }));
    expect(unary).toMatchObject({ kind: 'exhausted', reason: 'MESSAGE_TOO_LARGE' });
    expect(lines).toContainEqual(
      expect.objectContaining({ reason: 'MESSAGE_TOO_LARGE', method: `${path}/GetProfile` }),
    );
    async function* parts() {
      yield { part: { case: 'chunk' as const, value: new Uint8Array(20_000) } };
    }
    const stream = await failureOf(() => createClient(UploadService, transport).streamUpload(parts()));
    expect(stream).toMatchObject({ kind: 'exhausted', reason: 'MESSAGE_TOO_LARGE' });
  });

  test('a deadline ends the call on both sides', async () => {
    const { transport, lines } = await start();
    const client = createClient(ProfileService, transport);
    // Connected before: a deadline that ends while the connection opens never reaches the server.
    await client.getProfile({ name: 'hd' });
    const failure = await failureOf(() => client.getProfile({ name: 'slow' }, { timeoutMs: 2_000 }));
    expect(failure).toMatchObject({ kind: 'deadline', reason: 'DEADLINE_EXCEEDED' });
    await expect
      .poll(() => lines.map(({ msg }) => msg))
      .toEqual(expect.arrayContaining([expect.stringMatching(/^call (refused|cancelled)$/)]));
  });

  test('a timeout beyond the maximum is refused', async () => {
    const { transport } = await start({ limits: { maxTimeoutMs: 1000 } });
    const client = createClient(ProfileService, transport);
    expect(await failureOf(() => client.getProfile({ name: 'hd' }, { timeoutMs: 5000 }))).toMatchObject({
      kind: 'invalid',
    });
  });

  test('every call needs a key with its scope; health needs none', async () => {
    const keys = [
      { name: 'reader', sha256: hashApiKey('r3ad'), scopes: ['catalog:read'] },
      { name: 'writer', sha256: hashApiKey('wr1te'), scopes: ['catalog:*'] },
      meshKey('m3sh'),
    ];
    const { transport, lines } = await start({ auth: apiKeyVerifier(keys) });
    const profiles = createClient(ProfileService, transport);
    const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const write = { profile: { name: 'hd' } };

    expect(await failureOf(() => profiles.getProfile({ name: 'hd' }))).toMatchObject({
      kind: 'unauthenticated',
      reason: 'API_KEY_MISSING',
    });
    for (const key of ['r3ad2', 'R3AD', `x${'y'.repeat(9000)}`]) {
      const failure = await failureOf(() => profiles.getProfile({ name: 'hd' }, as(key)));
      expect(failure).toMatchObject({ kind: 'unauthenticated', reason: 'API_KEY_INVALID' });
    }
    expect((await profiles.getProfile({ name: 'hd' }, as('r3ad'))).profile?.name).toBe('hd');
    expect(await failureOf(() => profiles.updateProfile(write, as('r3ad')))).toMatchObject({
      kind: 'forbidden',
      reason: 'SCOPE_MISSING',
      details: { requiredScope: 'catalog:write' },
    });
    for (const key of ['wr1te', 'm3sh'])
      expect((await profiles.updateProfile(write, as(key))).profile?.name).toBe('hd');
    const stream = await failureOf(async () => {
      for await (const _message of createClient(AssetService, transport).watchAsset({ assetId })) break;
    });
    expect(stream).toMatchObject({ kind: 'unauthenticated' });
    expect(await createClient(Health, transport).check({})).toMatchObject({ status: Status.SERVING });
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'call refused', reason: 'API_KEY_MISSING' }));
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'call answered', caller: 'reader' }));
    expect(JSON.stringify(lines)).not.toContain('r3ad');
  });
});

test.each([
  ['{"nmae":"hd"}', 'nmae', /"nmae" is unknown/],
  ['{"name":5}', 'name', /name/],
  ['{"name":', undefined, /JSON/],
  ['[]', undefined, /JSON/],
])('the JSON request %s is refused with the field that is wrong', async (body, field, message) => {
  const { url, lines } = await startTestServer(cleanup);
  const response = await fetch(`${url}/${path}/GetProfile`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(response.status).toBe(400);
  const error = (await response.json()) as {
    code: string;
    message: string;
    details: { type: string; debug: object }[];
  };
  expect(error.code).toBe('invalid_argument');
  expect(error.message).toMatch(message);
  expect(error.details).toContainEqual(
    expect.objectContaining({
      type: 'google.rpc.ErrorInfo',
      debug: expect.objectContaining({ reason: 'REQUEST_INVALID', domain: 'kerkis' }),
    }),
  );
  if (field) {
    const badRequest = error.details.find(({ type }) => type === 'google.rpc.BadRequest');
    expect(badRequest?.debug).toMatchObject({ fieldViolations: [{ field }] });
  }
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'call refused', reason: 'REQUEST_INVALID' }));
});

test('who has no key is refused before the body is read', async () => {
  const { url } = await startTestServer(cleanup, { auth: apiKeyVerifier([]) });
  const response = await fetch(`${url}/${path}/GetProfile`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: 'not even JSON',
  });
  expect(response.status).toBe(401);
});

test('a malformed key hash is found at the start', () => {
  expect(() => apiKeyVerifier([{ name: 'a', sha256: 'abc', scopes: [] }])).toThrow(/"a" must be 64/);
});

test('an error of a mesh call inside a handler keeps its reason, and says nothing of the mesh', async () => {
  const behind = await startTestServer(cleanup);
  const nobody = cleanup.use(createMeshTransport({ address: '127.0.0.1:1', defaultTimeoutMs: 2000 }));
  const mesh = cleanup.use(createMeshTransport({ address: behind.address }));
  const front = await startTestServer(cleanup, {
    parts: [
      {
        name: 'catalog',
        telemetry: behind.telemetry,
        routes: (router) =>
          router.rpc(ProfileService.method.getProfile, ({ name }) =>
            createClient(ProfileService, name === 'nobody' ? nobody : mesh).getProfile({ name }),
          ),
      },
    ],
  });
  const client = createClient(ProfileService, createGrpcTransport({ baseUrl: front.url }));
  expect(await failureOf(() => client.getProfile({ name: 'missing' }))).toMatchObject({
    kind: 'not_found',
    reason: 'PROFILE_NOT_FOUND',
    details: { name: 'missing' },
  });
  const away = await failureOf(() => client.getProfile({ name: 'nobody' }));
  expect(away).toMatchObject({ kind: 'unavailable', reason: 'UNAVAILABLE' });
  expect(away.message).not.toContain('127.0.0.1');
});

test('what is no Connect error becomes a KerkisError all the same', () => {
  expect(fromConnectError(new TypeError('x'))).toMatchObject({ kind: 'internal' });
  expect(fromConnectError(new ConnectError('x', Code.Unknown))).toMatchObject({
    kind: 'internal',
    reason: 'UNKNOWN',
  });
  const broken = new ConnectError('x', Code.NotFound);
  broken.details.push({ type: 'google.rpc.ErrorInfo', value: new Uint8Array([255, 255]) });
  expect(fromConnectError(broken)).toMatchObject({ kind: 'not_found', reason: 'NOT_FOUND' });
  expect(fromConnectError(new KerkisError('conflict', 'X', 'y'))).toMatchObject({
    kind: 'conflict',
    reason: 'X',
  });
});
