import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig, testVariablePrefix, toolVariables } from '@kerkis/config';
import { tools } from '@kerkis/tools';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly container_name?: string;
  readonly volumes?: readonly string[];
}

const text = read('docker-compose.yml');
const compose = parse(withDefaults(text), { merge: true }) as {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
};
const services = Object.entries(compose.services);
const ours = services.filter(
  ([, { image, networks }]) => image.startsWith('kerkis:') && networks !== undefined,
);

/** Replaces `${NAME:-default}` by its default, the inner ones first, and `$$` by `$`. */
function withDefaults(source: string): string {
  const inner = /\$\{[A-Z0-9_]+:-([^{}]*)\}/g;
  let now = source;
  while (inner.test(now)) now = now.replaceAll(inner, '$1');
  return now.replaceAll('$$', '$');
}

let secrets: string;
beforeAll(async () => {
  secrets = mkdtempSync(join(tmpdir(), 'kerkis-secrets-'));
  await run(process.execPath, [join(root, 'deploy/make-secrets.mjs'), secrets]);
});
afterAll(() => rmSync(secrets, { recursive: true }));

test('the file is valid Compose', () => {
  const schema = JSON.parse(
    readFileSync(join(root, 'node_modules/dclint/schemas/compose.schema.json'), 'utf8'),
  );
  // Ajv knows draft 7 by its http address only.
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile({ ...schema, $schema: undefined });
  validate(parse(text, { merge: true }));
  expect(validate.errors ?? []).toEqual([]);
  expect(validate({ services: { a: { image: 'x', helthcheck: {} } } })).toBe(false);
});

test('one container for each service and role', () => {
  expect(ours.map(([name]) => name)).toEqual([
    'catalog',
    'upload',
    'transcode-planner',
    'transcode-worker',
    'delivery',
  ]);
});

describe.each(ours)('%s', (name, service) => {
  test('starts a program of this repository', () => {
    const [program] = service.command ?? [];
    expect(program).toMatch(/^services\/[a-z]+\/src\/main\.ts$/);
    expect(existsSync(join(root, String(program))), program).toBe(true);
  });

  test('has variables that make a valid configuration', () => {
    const env = Object.fromEntries(
      Object.entries(service.environment ?? {}).map(([key, value]) => [
        key,
        String(value).replace('/run/kerkis', secrets),
      ]),
    );
    const config = loadConfig({ env });
    expect(config.server.host).toBe('0.0.0.0');
    expect(config.auth).toMatchObject({ mode: 'keys', keys: [{ name: 'local', scopes: ['*'] }] });
    expect(config.auth.meshToken).toHaveLength(43);
    expect(config.storage.s3.secretAccessKey).toHaveLength(43);
    expect(config.transcode.role).toBe(/^transcode-(.*)$/.exec(name)?.[1] ?? 'all');
    const addresses = [...Object.values(config.services), config.storage.s3.endpoint, config.nats.url];
    for (const address of [...addresses, config.database.url, config.telemetry.otlpEndpoint]) {
      expect(Object.keys(compose.services)).toContain(new URL(String(address)).hostname);
    }
  });

  test('waits for what it needs', () => {
    expect(service.depends_on).toMatchObject({
      secrets: { condition: 'service_completed_successfully' },
      nats: { condition: 'service_healthy' },
      mongodb: { condition: 'service_healthy' },
      s3: { condition: 'service_healthy' },
    });
  });
});

test('workers can be scaled, and cannot reach the outside', () => {
  const worker = compose.services['transcode-worker'];
  expect(worker?.ports).toBeUndefined();
  expect(worker?.container_name).toBeUndefined();
  expect(worker?.networks).toEqual(['mesh']);
  expect(compose.networks.mesh?.internal).toBe(true);
});

describe.each(services)('%s', (name, service) => {
  test('is pinned and published to this machine only', () => {
    expect(service.image).toMatch(/:(local|v?\d+\.\d+)/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test('is awaited only for what it tells', () => {
    for (const [dependency, { condition }] of Object.entries(service.depends_on ?? {})) {
      const target = compose.services[dependency];
      expect(target, dependency).toBeDefined();
      if (condition === 'service_healthy') expect(target?.healthcheck, dependency).toBeDefined();
    }
    // Their images have nothing to ask with, or end by themselves; nobody waits for them to be healthy.
    if (!['jaeger', 'prometheus', 'secrets'].includes(name)) expect(service.healthcheck).toBeDefined();
  });
});

test('the servers are those that the tests run against', () => {
  const version = (name: 'nats-server-current' | 'versitygw') =>
    tools[name].goModule.version.replace('v', '');
  expect(compose.services.nats?.image).toBe(`nats:${version('nats-server-current')}-alpine`);
  expect(compose.services.s3?.image).toBe(`versity/versitygw:v${version('versitygw')}`);
});

test('the health check says what /readyz says', async () => {
  const [, ...command] = compose.services.catalog?.healthcheck?.test ?? [];
  const verdict = async (status: number | undefined) => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/readyz' ? (status ?? 200) : 404).end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    if (status === undefined) await new Promise((resolve) => server.close(resolve));
    const args = command.slice(1).map((argument) => argument.replace('4400', String(port)));
    const ended = await run(process.execPath, args).then(
      () => 0,
      ({ code }) => code,
    );
    server.close();
    return ended;
  };
  expect(command[0]).toBe('node');
  expect(await verdict(200)).toBe(0);
  expect(await verdict(503)).toBe(1);
  expect(await verdict(undefined)).toBe(1);
});

test('secrets are made once, for their owner only', async () => {
  const before = readFileSync(join(secrets, 'mesh-token'), 'utf8');
  await run(process.execPath, [join(root, 'deploy/make-secrets.mjs'), secrets]);
  expect(readFileSync(join(secrets, 'mesh-token'), 'utf8')).toBe(before);
  expect(statSync(join(secrets, 'mesh-token')).mode & 0o777).toBe(0o400);
  await expect(run(process.execPath, [join(root, 'deploy/make-secrets.mjs')])).rejects.toMatchObject({
    code: 2,
  });
});

test('.env.example names only what something reads', () => {
  const names = [...read('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)];
  expect(names.length).toBeGreaterThan(8);
  for (const [, name = '', value = ''] of names) {
    const isTool = name.startsWith(testVariablePrefix) || (toolVariables as readonly string[]).includes(name);
    expect(isTool, name).toBe(false);
    if (name.startsWith('KERKIS_')) expect(() => loadConfig({ env: { [name]: value } }), name).not.toThrow();
    else expect(text, name).toContain(`\${${name}:-`);
  }
});

test('Prometheus and the gateway know every service', () => {
  const { scrape_configs } = parse(read('deploy/prometheus.yml'));
  expect(scrape_configs[0].dns_sd_configs[0].names).toEqual(ours.map(([name]) => name));
  const gateway = read('deploy/Caddyfile');
  const variables = [...gateway.matchAll(/\{\$([A-Z_]+)[:}]/g)].map(([, name]) => name);
  expect([...new Set(variables)].sort()).toEqual(
    Object.keys(compose.services.gateway?.environment ?? {}).sort(),
  );
});

describe('the image', () => {
  const dockerfile = read('deploy/Dockerfile');

  test('has the programs that services start, and no root', () => {
    for (const tool of [tools.ffmpeg, tools.bwrap, tools.setpriv, tools.prlimit, tools['nats-server']]) {
      expect(dockerfile).toMatch(new RegExp(`\\s${tool.debianPackage}\\s`));
    }
    expect(dockerfile).toMatch(/^USER kerkis$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node"\]$/m);
  });

  test('has the Node that the repository is tested with', () => {
    const { devDependencies } = JSON.parse(read('package.json'));
    expect(dockerfile).toContain(`FROM node:${devDependencies.node}-slim AS build`);
  });

  test('is built from files that exist', () => {
    const kept = [...read('deploy/Dockerfile.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path]) =>
      String(path),
    );
    expect(kept).toContain('package-lock.json');
    for (const path of kept) expect(existsSync(join(root, path)), path).toBe(true);
  });
});
