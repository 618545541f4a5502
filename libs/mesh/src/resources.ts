import { readFile } from 'node:fs/promises';
import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import type { KerkisConfig } from '@kerkis/config';
import { type Database, openDatabase } from '@kerkis/documents';
import { KerkisError } from '@kerkis/errors';
import { connectEvents, type EventBus, ensureStreams } from '@kerkis/events';
import { type ObjectStore, type ObjectStoreOptions, openObjectStore } from '@kerkis/objects';
import {
  apiKeyVerifier,
  createMeshTransport,
  meshKey,
  type ReadinessCheck,
  type Verifier,
} from '@kerkis/rpc';
import type { Telemetry } from '@kerkis/telemetry';
import type { Mesh, MeshService } from './mesh.ts';
import { tracedWrites } from './traced-writes.ts';

/** What a process opens its resources with. */
export interface ResourceOptions {
  readonly config: KerkisConfig;
  readonly telemetry: Telemetry;
  readonly environment: Mesh['environment'];
  /** Name of the process, for NATS' monitoring. */
  readonly processName: string;
  /** NATS server. Default: `nats.url` of the configuration. */
  readonly natsUrl?: string | undefined;
  /** Address of a service. Default: `services.<name>` of the configuration. */
  readonly addressOf?: ((service: MeshService) => string) | undefined;
  /** Gives up connecting. */
  readonly signal?: AbortSignal | undefined;
}

/** The resources of one process, shared by the services in it. Disposing closes what was opened. */
export interface Resources extends AsyncDisposable {
  readonly auth: Verifier | 'off';
  /** The mesh as one service sees it. */
  meshFor(service: string): Mesh;
  /** One check for each resource that is open. */
  readiness(): readonly ReadinessCheck[];
}

/** Connects to NATS and makes the rest openable. Throws NATS_URL_MISSING when there is no server to connect to. */
export async function openResources(options: ResourceOptions): Promise<Resources> {
  const { config, telemetry, environment } = options;
  await using stack = new AsyncDisposableStack();
  const bus = stack.use(await openBus(options));
  const database = opened(() => openDatabase({ url: config.database.url }), stack);
  const objects = opened(() => openObjectStore(storeOptions(config)), stack);
  const auth = verifierOf(config);
  const transports = new Map<string, Transport>();

  function transportTo(service: MeshService, name: string): Transport {
    const address = (options.addressOf ?? ((known) => config.services[known]))(service);
    const key = `${name} ${address}`;
    const known = transports.get(key);
    if (known) return known;
    const made = running.use(
      createMeshTransport({
        address: new URL(address).host,
        meshToken: config.auth.meshToken,
        telemetry: telemetry.forService(name),
      }),
    );
    transports.set(key, made);
    return made;
  }

  const running = stack.move();
  return {
    auth,
    meshFor: (name) => ({
      config,
      environment,
      auth,
      bus: bus.forService({ name: `kerkis-${name}`, ...telemetry.forService(name) }),
      telemetry: telemetry.forService(name),
      database: () => database.get(),
      objects: async () => tracedWrites(await objects.get(), telemetry.forService(name).tracer),
      client: <S extends DescService>(service: MeshService, schema: S): Client<S> =>
        createClient(schema, transportTo(service, name)),
    }),
    readiness: () => [
      { name: 'nats', check: () => bus.ping() },
      ...checkOf('database', database),
      ...checkOf('objects', objects),
    ],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function openBus(options: ResourceOptions): Promise<EventBus> {
  const { config, telemetry, processName, signal } = options;
  const { nats, retention } = config;
  const url = options.natsUrl ?? nats.url;
  if (!url) {
    throw new KerkisError(
      'precondition',
      'NATS_URL_MISSING',
      'A service of its own needs nats.url (KERKIS_NATS_URL); only `kerkis up` starts a NATS server by itself.',
    );
  }
  const credsFile = nats.credsFile && (await readFile(nats.credsFile, 'utf8'));
  const bus = await connectEvents({
    url,
    name: `kerkis-${processName}`,
    logger: telemetry.logger,
    tracer: telemetry.tracer,
    credentials: {
      ...(nats.user && { user: nats.user }),
      ...(nats.password && { password: nats.password }),
      ...(nats.token && { token: nats.token }),
      ...(credsFile && { credsFile }),
    },
    ...(signal && { signal }),
  });
  await ensureStreams(bus, { replicas: nats.replicas, eventDays: retention.eventDays });
  return bus;
}

interface Opened<T> {
  get(): Promise<T>;
  current(): T | undefined;
}

/** Opens at the first call, once for all callers; a failure is forgotten, so that the next call tries again. */
function opened<T extends AsyncDisposable>(open: () => Promise<T>, stack: AsyncDisposableStack): Opened<T> {
  let pending: Promise<T> | undefined;
  let current: T | undefined;
  stack.defer(async () => {
    await (await pending?.catch(() => undefined))?.[Symbol.asyncDispose]();
  });
  return {
    get() {
      pending ??= open().then(
        (resource) => {
          current = resource;
          return resource;
        },
        (error: unknown) => {
          pending = undefined;
          throw error;
        },
      );
      return pending;
    },
    current: () => current,
  };
}

function checkOf(name: string, resource: Opened<Database | ObjectStore>): ReadinessCheck[] {
  const current = resource.current();
  return current ? [{ name, check: () => current.ping() }] : [];
}

function storeOptions({ storage, server }: KerkisConfig): ObjectStoreOptions {
  if (storage.kind === 'filesystem') return { kind: 'filesystem', directory: storage.directory };
  const {
    endpoint,
    publicEndpoint,
    region,
    bucket,
    accessKeyId,
    secretAccessKey,
    forcePathStyle,
    createBucket,
  } = storage.s3;
  return {
    kind: 's3',
    endpoint,
    publicEndpoint,
    region,
    bucket: bucket ?? '',
    accessKeyId: accessKeyId ?? '',
    secretAccessKey: secretAccessKey ?? '',
    forcePathStyle,
    ensureBucket: createBucket,
    ...(createBucket && server.corsOrigins.length > 0 && { corsOrigins: server.corsOrigins }),
  };
}

function verifierOf({ auth }: KerkisConfig): Verifier | 'off' {
  if (auth.mode === 'off') return 'off';
  return apiKeyVerifier([...auth.keys, ...(auth.meshToken ? [meshKey(auth.meshToken)] : [])]);
}
