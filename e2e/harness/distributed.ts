import { join } from 'node:path';
import { openObjectStore } from '@kerkis/objects';
import {
  freePort,
  type NatsServer,
  startMongo,
  startNats,
  startS3,
  tempDir,
  waitUntil,
} from '@kerkis/testing';
import { createClients } from './clients.ts';
import { startGateway } from './gateway.ts';
import { startProcess, type TestProcess } from './process.ts';
import { type Settings, usualSettings } from './settings.ts';
import type { TestMesh } from './test-mesh.ts';

/** The mesh with every service as a process of its own. */
export interface DistributedMesh extends TestMesh {
  readonly nats: NatsServer;
  /** The transcode processes with role `worker`; one that a test killed stays in the list. */
  readonly workers: readonly Worker[];
}

/** A process that encodes. */
export interface Worker {
  readonly process: TestProcess;
  /** Of its health and metrics. */
  readonly url: string;
}

/** Starts NATS, a MongoDB wire server, S3, five roles of services with two workers, and a gateway before them. */
export async function startDistributed(options: { settings?: Settings } = {}): Promise<DistributedMesh> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir('e2e')).path;
  const [nats, mongo, s3] = await Promise.all([startNats({ version: 'current' }), startMongo(), startS3()]);
  for (const server of [nats, mongo, s3]) stack.use(server);
  const ports = {
    catalog: await freePort(),
    upload: await freePort(),
    transcode: await freePort(),
    delivery: await freePort(),
  };
  const gateway = stack.use(await startGateway(ports));
  const shared: Settings = {
    ...usualSettings,
    KERKIS_SERVER_PUBLIC_URL: gateway.url,
    KERKIS_NATS_URL: nats.url,
    KERKIS_DATABASE_URL: mongo.url('kerkis'),
    KERKIS_STORAGE_KIND: 's3',
    KERKIS_STORAGE_S3_ENDPOINT: s3.endpoint,
    KERKIS_STORAGE_S3_REGION: s3.region,
    KERKIS_STORAGE_S3_BUCKET: s3.bucket,
    KERKIS_STORAGE_S3_ACCESS_KEY_ID: s3.accessKeyId,
    KERKIS_STORAGE_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    KERKIS_SERVICES_CATALOG: `http://127.0.0.1:${ports.catalog}`,
    KERKIS_SERVICES_UPLOAD: `http://127.0.0.1:${ports.upload}`,
    KERKIS_SERVICES_TRANSCODE: `http://127.0.0.1:${ports.transcode}`,
    KERKIS_SERVICES_DELIVERY: `http://127.0.0.1:${ports.delivery}`,
    ...options.settings,
  };
  const processes = new Map<string, TestProcess>();

  async function startService(
    role: string,
    service: string,
    port: number,
    own: Settings = {},
  ): Promise<TestProcess> {
    const main = join(import.meta.dirname, '..', '..', 'services', service, 'src', 'main.ts');
    const data = { KERKIS_SERVER_PORT: `${port}`, KERKIS_DATA_DIRECTORY: join(directory, role) };
    const environment = { ...shared, ...data, ...own };
    const started = stack.use(await startProcess({ command: process.execPath, args: [main], environment }));
    processes.set(role, started);
    const isReady = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    const end = started.ended.then(() => {
      throw new Error(`${role} ended: ${started.stderr()} ${started.lines.join('\n')}`);
    });
    await Promise.race([waitUntil(isReady, { what: `${role} to be ready`, timeoutMs: 60_000 }), end]);
    return started;
  }

  const role = (name: string): Settings => ({ KERKIS_TRANSCODE_ROLE: name });
  await startService('catalog', 'catalog', ports.catalog);
  const worker = async (name: string): Promise<Worker> => {
    const port = await freePort();
    const process = await startService(name, 'transcode', port, role('worker'));
    return { process, url: `http://127.0.0.1:${port}` };
  };
  const [workers] = await Promise.all([
    Promise.all([worker('worker-1'), worker('worker-2')]),
    startService('upload', 'upload', ports.upload),
    startService('delivery', 'delivery', ports.delivery),
    startService('planner', 'transcode', ports.transcode, role('planner')),
  ]);
  const store = stack.use(await openObjectStore({ kind: 's3', forcePathStyle: true, ...s3 }));
  const resources = stack.move();
  return {
    url: gateway.url,
    nats,
    workers,
    clients: createClients(gateway.url),
    async objectKeys() {
      const objects = await Array.fromAsync(store.list(''), ({ key }) => key);
      const multiparts = await Array.fromAsync(store.listMultiparts(''), ({ key }) => `multipart:${key}`);
      return [...objects, ...multiparts];
    },
    scratchDirectories: [...processes.keys()].map((name) => join(directory, name, 'scratch')),
    output: () =>
      [...processes].map(([name, each]) => `${name}: ${each.stderr()} ${each.lines.join('\n')}`).join('\n'),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
