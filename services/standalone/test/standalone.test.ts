import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { loadConfig } from '@kerkis/config';
import { AssetService } from '@kerkis/contracts/catalog';
import { createMeshTransport, hashApiKey } from '@kerkis/rpc';
import { startTelemetry } from '@kerkis/telemetry';
import { freePort, tempDir, waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { type Standalone, startStandalone } from '../src/service.ts';

const logLines: string[] = [];

async function start(dataDirectory: string, overrides: Record<string, unknown> = {}): Promise<Standalone> {
  const config = loadConfig({
    env: {},
    overrides: { 'server.port': 0, 'server.drainSeconds': 1, ...overrides, dataDirectory },
  });
  const logStream = { write: (line: string) => void logLines.push(line) };
  const telemetry = startTelemetry({
    serviceName: 'standalone',
    version: '0',
    ...config.telemetry,
    logStream,
  });
  return await startStandalone({ config, telemetry, environment: process.env });
}

async function readiness(url: string) {
  const response = await fetch(`${url}/readyz`);
  return {
    status: response.status,
    ...((await response.json()) as { checks: { name: string; ok: boolean }[] }),
  };
}

async function natsPid(dataDirectory: string): Promise<number> {
  const pids = await childrenOf(process.pid);
  for (const pid of pids) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(dataDirectory) && line.includes('--jetstream')) return pid;
  }
  return 0;
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): Promise<boolean> {
  return stat(`/proc/${pid}`).then(
    () => true,
    () => false,
  );
}

test('one port has every service, and keeps its data over a restart', async () => {
  await using directory = await tempDir();
  let assetId = '';
  {
    await using mesh = await start(directory.path);
    const { status, checks } = await readiness(mesh.url);
    expect(status).toBe(200);
    expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['nats', 'database', 'objects']));
    expect(await (await fetch(mesh.url)).text()).toContain('/readyz');
    expect(await (await fetch(`${mesh.url}/metrics`)).text()).toContain('process_');
    await using transport = createMeshTransport({ address: mesh.url });
    const { asset } = await createClient(AssetService, transport).createAsset({ title: 'kept' });
    assetId = asset?.id ?? '';
  }
  await using mesh = await start(directory.path);
  await using transport = createMeshTransport({ address: mesh.url });
  const { asset } = await createClient(AssetService, transport).getAsset({ assetId });
  expect(asset?.title).toBe('kept');
});

test('with keys, the services trust each other without any configuration', async () => {
  await using directory = await tempDir();
  await using mesh = await start(directory.path, {
    'auth.mode': 'keys',
    'auth.keys': [{ name: 'someone', sha256: hashApiKey('a-key-of-someone') }],
  });
  const unknown = `pbk_${'0'.repeat(32)}`;
  // The edge asks the catalog, which would refuse an edge without a key.
  expect((await fetch(`${mesh.url}/v/${unknown}/master.m3u8`)).status).toBe(404);
  const bare = createMeshTransport({ address: mesh.url });
  await expect(createClient(AssetService, bare).listAssets({})).rejects.toThrow(/unauthenticated/);
  await bare[Symbol.asyncDispose]();
});

test('a NATS server that dies is started again', async () => {
  await using directory = await tempDir();
  await using mesh = await start(directory.path);
  const first = await natsPid(directory.path);
  expect(first).toBeGreaterThan(0);
  process.kill(first, 'SIGKILL');
  await waitUntil(async () => {
    const next = await natsPid(directory.path);
    return next > 0 && next !== first && (await readiness(mesh.url)).status === 200;
  });
  expect(logLines.join('')).toContain('nats-server ended: it is started again');
});

test('its end takes the NATS server along, and frees the directory', async () => {
  await using directory = await tempDir();
  const mesh = await start(directory.path);
  const pid = await natsPid(directory.path);
  await expect(start(directory.path)).rejects.toMatchObject({ reason: 'DATA_DIRECTORY_IN_USE' });
  expect((await readiness(mesh.url)).status).toBe(200);
  await mesh[Symbol.asyncDispose]();
  expect(await isAlive(pid)).toBe(false);
  await using _again = await start(directory.path);
});

test('a port in use is told, and nothing is left running', async () => {
  await using directory = await tempDir();
  const port = await freePort();
  await using other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  await expect(start(directory.path, { 'server.port': port })).rejects.toMatchObject({
    kind: 'precondition',
    reason: 'PORT_IN_USE',
    details: { port: `${port}` },
  });
  expect(await natsPid(directory.path)).toBe(0);
  await using _again = await start(directory.path);
});

test('a NATS server that does not start is told with its own words', async () => {
  await using directory = await tempDir();
  const program = join(directory.path, 'no-nats');
  await expect(start(directory.path, { 'nats.serverBinary': program })).rejects.toMatchObject({
    reason: 'NATS_SERVER_FAILED',
    message: expect.stringContaining('No such file'),
  });
});
