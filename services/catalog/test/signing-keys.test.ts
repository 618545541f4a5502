import { createClient } from '@connectrpc/connect';
import { parseConfig } from '@kerkis/config';
import { SigningAlgorithm, SigningKeyService } from '@kerkis/contracts/catalog';
import { SigningKeyCreatedSchema, SigningKeyRevokedSchema } from '@kerkis/contracts/catalog/events';
import { consume } from '@kerkis/events';
import { openResources } from '@kerkis/mesh';
import { createMeshTransport, fromConnectError, startServer } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { startNats, tempDir } from '@kerkis/testing';
import { createKeyPair, readPrivateKey } from '@kerkis/tokens';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCatalog } from '../src/service.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let keys: ReturnType<typeof createClient<typeof SigningKeyService>>;
const told: string[] = [];

beforeAll(async () => {
  const nats = stack.use(await startNats());
  const directory = stack.use(await tempDir());
  const config = parseConfig(`dataDirectory: ${directory.path}\n`);
  const telemetry = stack.use(
    startTelemetry({ serviceName: 'catalog', version: '0', ...config.telemetry, logLevel: 'error' }),
  );
  const resources = stack.use(
    await openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl: nats.url }),
  );
  const mesh = resources.meshFor('catalog');
  const { parts } = stack.use(await startCatalog(mesh));
  const { metricsHandler } = telemetry;
  const server = stack.use(
    await startServer({
      ...{ host: '127.0.0.1', port: 0, auth: 'off', drainMs: 500 },
      parts: [parts],
      telemetry,
      metricsHandler,
    }),
  );
  const transport = stack.use(createMeshTransport({ address: `127.0.0.1:${server.port}` }));
  keys = createClient(SigningKeyService, transport);
  for (const [name, schema] of [
    ['created', SigningKeyCreatedSchema],
    ['revoked', SigningKeyRevokedSchema],
  ] as const) {
    stack.use(
      consume(mesh.bus, {
        schema,
        durable: `test-key-${name}`,
        handler: async ({ signingKey }) => {
          told.push(`${name} ${signingKey?.id}`);
        },
      }),
    );
  }
});

const reason = (call: Promise<unknown>) =>
  call.then(
    () => 'accepted',
    (error: unknown) => fromConnectError(error).reason,
  );
const good = async () => (await keys.listSigningKeys({})).signingKeys.map(({ id }) => id);

test('a pair made by the server: the private half is told once, the public one stays', async () => {
  for (const algorithm of [SigningAlgorithm.UNSPECIFIED, SigningAlgorithm.ES256]) {
    const { signingKey, privateKey } = await keys.createSigningKey({ name: 'studio', algorithm });
    const id = signingKey?.id ?? '';
    const read = await readPrivateKey(privateKey);
    expect({ id: read.id, algorithm: read.algorithm }).toEqual({
      id,
      algorithm: algorithm === SigningAlgorithm.ES256 ? 'ES256' : 'EdDSA',
    });
    const stored = (await keys.getSigningKey({ signingKeyId: id })).signingKey;
    expect(stored).toEqual(signingKey);
    expect(stored).toMatchObject({ name: 'studio', publicKey: expect.stringContaining('BEGIN PUBLIC KEY') });
    expect(await good()).toContain(id);
    await expect.poll(() => told).toContain(`created ${id}`);
  }
});

test('a public key that was brought is there once, and after its end never again', async () => {
  const pair = await createKeyPair('ES256');
  const first = await keys.createSigningKey({ publicKey: pair.publicKeyPem, name: 'ours' });
  const again = await keys.createSigningKey({ publicKey: `\n${pair.publicKeyPem}`, name: 'other' });
  expect(first).toMatchObject({ privateKey: '', signingKey: { id: pair.id, name: 'ours' } });
  expect(again.signingKey).toEqual(first.signingKey);

  const { signingKey } = await keys.revokeSigningKey({ signingKeyId: pair.id });
  expect(signingKey?.revokeTime).toBeDefined();
  expect((await keys.revokeSigningKey({ signingKeyId: pair.id })).signingKey).toEqual(signingKey);
  await expect.poll(() => told.filter((each) => each === `revoked ${pair.id}`)).toHaveLength(1);
  expect(await good()).not.toContain(pair.id);
  const all = (await keys.listSigningKeys({ includeRevoked: true })).signingKeys;
  expect(all.find(({ id }) => id === pair.id)).toEqual(signingKey);
  expect(await reason(keys.createSigningKey({ publicKey: pair.publicKeyPem }))).toBe('SIGNING_KEY_REVOKED');
});

test('what is no key is refused, a private one too', async () => {
  const { privateKeyPem } = await createKeyPair('EdDSA');
  for (const publicKey of ['nothing', privateKeyPem]) {
    expect(await reason(keys.createSigningKey({ publicKey }))).toBe('SIGNING_KEY_INVALID');
  }
  const signingKeyId = `key_${'0'.repeat(32)}`;
  expect(await reason(keys.getSigningKey({ signingKeyId }))).toBe('SIGNING_KEY_NOT_FOUND');
  expect(await reason(keys.revokeSigningKey({ signingKeyId }))).toBe('SIGNING_KEY_NOT_FOUND');
});

test('there are 64 good keys at most, on pages', async () => {
  const before = (await good()).length;
  for (let made = before; made < 64; made++) await keys.createSigningKey({});
  expect(await reason(keys.createSigningKey({}))).toBe('TOO_MANY_SIGNING_KEYS');
  const one = await keys.listSigningKeys({ pageSize: 40 });
  const two = await keys.listSigningKeys({ pageSize: 40, pageToken: one.nextPageToken });
  const ids = [...one.signingKeys, ...two.signingKeys].map(({ id }) => id);
  expect({ ids: new Set(ids).size, next: two.nextPageToken }).toEqual({ ids: 64, next: '' });
  await keys.revokeSigningKey({ signingKeyId: ids[0] ?? '' });
  expect(await reason(keys.createSigningKey({}))).toBe('accepted');
});
