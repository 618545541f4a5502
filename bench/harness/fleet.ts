import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, type NatsServer, startMongo, startNats, tempDir, waitUntil } from '@kerkis/testing';
import { createClients } from '../../e2e/harness/clients.ts';
import { startGateway } from '../../e2e/harness/gateway.ts';
import type { Settings } from '../../e2e/harness/settings.ts';
import { createProfiles } from './ladder.ts';
import { type Supervised, supervise } from './supervised.ts';
import type { MeshAddress } from './upload.ts';

/** Every service as a process of its own, under a supervisor; one database server and one directory of objects for all. */
export interface Fleet extends MeshAddress, AsyncDisposable {
  readonly nats: NatsServer;
  /** By name: `catalog`, `upload`, `delivery`, `planner`, `worker-1`, … */
  readonly members: ReadonlyMap<string, Supervised>;
}

/** What a fleet is made of. */
export interface FleetOptions {
  /** One entry a worker: the CPU that it is bound to, or undefined for all. Each encodes one chunk at a time with one thread. */
  readonly workers: readonly (number | undefined)[];
  readonly settings?: Settings;
}

const startTimeoutMs = 60_000;

/** Starts NATS, a MongoDB wire server, the services and their workers, and a gateway before them. */
export async function startFleet({ workers, settings = {} }: FleetOptions): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir('bench-fleet')).path;
  await mkdir(join(directory, 'objects'));
  const [nats, mongo] = await Promise.all([startNats({ version: 'current' }), startMongo()]);
  for (const server of [nats, mongo]) stack.use(server);
  const ports = {
    catalog: await freePort(),
    upload: await freePort(),
    transcode: await freePort(),
    delivery: await freePort(),
  };
  const gateway = stack.use(await startGateway(ports));
  const shared: Settings = {
    KERKIS_TELEMETRY_LOG_LEVEL: 'warn',
    KERKIS_SERVER_DRAIN_SECONDS: '5',
    KERKIS_SERVER_PUBLIC_URL: gateway.url,
    KERKIS_NATS_URL: nats.url,
    KERKIS_DATABASE_URL: mongo.url('kerkis'),
    KERKIS_STORAGE_DIRECTORY: join(directory, 'objects'),
    KERKIS_SERVICES_CATALOG: `http://127.0.0.1:${ports.catalog}`,
    KERKIS_SERVICES_UPLOAD: `http://127.0.0.1:${ports.upload}`,
    KERKIS_SERVICES_TRANSCODE: `http://127.0.0.1:${ports.transcode}`,
    KERKIS_SERVICES_DELIVERY: `http://127.0.0.1:${ports.delivery}`,
    ...settings,
  };
  const members = new Map<string, Supervised>();

  async function start(
    name: string,
    service: string,
    port: number,
    own: Settings = {},
    cpu?: number,
  ): Promise<void> {
    const main = join(import.meta.dirname, '..', '..', 'services', service, 'src', 'main.ts');
    const data = { KERKIS_SERVER_PORT: `${port}`, KERKIS_DATA_DIRECTORY: join(directory, name) };
    const command = [process.execPath, main];
    if (cpu !== undefined) command.unshift('taskset', '--cpu-list', `${cpu}`);
    const [program = '', ...args] = command;
    const environment = { ...shared, ...data, ...own };
    const member = stack.use(await supervise(name, { command: program, args, environment }));
    members.set(name, member);
    const isReady = () => fetch(`http://127.0.0.1:${port}/readyz`).then(({ ok }) => ok);
    await waitUntil(isReady, { what: name, timeoutMs: startTimeoutMs }).catch((cause: unknown) => {
      throw new Error(`${name} does not start: ${member.crashes.at(-1) ?? member.output()}`, { cause });
    });
  }

  await start('catalog', 'catalog', ports.catalog);
  await start('planner', 'transcode', ports.transcode, { KERKIS_TRANSCODE_ROLE: 'planner' });
  const worker = { KERKIS_TRANSCODE_ROLE: 'worker', KERKIS_TRANSCODE_WORKER_SLOTS: '1' } as const;
  await Promise.all([
    start('upload', 'upload', ports.upload),
    start('delivery', 'delivery', ports.delivery),
    ...workers.map(async (cpu, index) =>
      start(`worker-${index + 1}`, 'transcode', await freePort(), worker, cpu),
    ),
  ]);
  const clients = createClients(gateway.url);
  await createProfiles(clients);
  const resources = stack.move();
  return { url: gateway.url, clients, nats, members, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}
