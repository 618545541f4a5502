import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { KerkisConfig } from '@kerkis/config';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { openResources, serverSettings } from '@kerkis/mesh';
import { type RunningServer, type ServerOptions, startServer } from '@kerkis/rpc';
import type { Telemetry } from '@kerkis/telemetry';
import { openDataDirectory } from './data-directory.ts';
import { withEncryptionSecret } from './encryption-secret.ts';
import { indexPage } from './index-page.ts';
import { startNatsServer } from './nats-server.ts';
import { createOwnPort } from './own-port.ts';
import { services } from './services.ts';

/** What the mesh is started with. */
export interface StandaloneOptions {
  readonly config: KerkisConfig;
  readonly telemetry: Telemetry;
  /** Where external programs are looked up, e.g. `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gives up a start that waits, e.g. for NATS. */
  readonly signal?: AbortSignal | undefined;
}

/** The running mesh. Disposing drains the port, then ends everything in reverse order. */
export interface Standalone extends AsyncDisposable {
  /** Where it is reached from this machine: `http://127.0.0.1:4400`. */
  readonly url: string;
  /** Absolute path of where everything is stored. */
  readonly dataDirectory: string;
}

/**
 * Starts the whole mesh in this process: data directory, NATS server (unless one is configured), resources, all services, and
 * one port with all of them. Throws KerkisError DATA_DIRECTORY_IN_USE, DATA_DIRECTORY_UNUSABLE, NATS_SERVER_FAILED,
 * TOOL_MISSING, PORT_IN_USE, ADDRESS_UNUSABLE, and what the services refuse to start with.
 */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { telemetry, environment, signal } = options;
  const { logger } = telemetry;
  await using stack = new AsyncDisposableStack();
  const { path: dataDirectory } = stack.use(await openDataDirectory(options.config.dataDirectory));
  const configured = await withEncryptionSecret(embedded(options.config), dataDirectory);
  const { config, natsUrl } = await withNats(configured, stack, options);
  const resources = stack.use(
    await openResources({ config, telemetry, environment, processName: 'standalone', natsUrl, signal }),
  );
  const ownPort = stack.use(createOwnPort(config.auth.meshToken));

  const parts = [];
  for (const [name, start] of services) {
    const service = stack.use(await start(ownPort.reaching(resources.meshFor(name))));
    parts.push(service.parts);
    logger.debug({ started: name }, 'service started');
  }
  // Runs before a service ends and perhaps waits for a call of its own.
  stack.defer(() => ownPort.giveUp());
  const shared = { name: 'standalone', telemetry, routes: () => {}, readiness: resources.readiness() };
  const server = stack.use(
    await listen({
      ...serverSettings(config),
      parts: [...parts, { ...shared, http: [indexPage] }],
      auth: resources.auth,
      telemetry,
      metricsHandler: config.telemetry.metrics ? telemetry.metricsHandler : undefined,
    }),
  );
  const address = `${reachable(config.server.host)}:${server.port}`;
  ownPort.open(address);
  const url = `http://${address}`;
  const { securePort } = server;
  logger.info({ url, ...(securePort !== undefined && { securePort }) }, 'serving');

  const running = stack.move();
  return { url, dataDirectory, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** This process does everything, and trusts itself. */
function embedded(config: KerkisConfig): KerkisConfig {
  const { auth, transcode } = config;
  const meshToken = auth.meshToken ?? (auth.mode === 'keys' ? randomBytes(32).toString('hex') : undefined);
  return {
    ...config,
    transcode: { ...transcode, role: 'all' },
    auth: meshToken === undefined ? auth : { ...auth, meshToken },
  };
}

async function withNats(
  config: KerkisConfig,
  stack: AsyncDisposableStack,
  { environment, telemetry }: StandaloneOptions,
): Promise<{ config: KerkisConfig; natsUrl: string }> {
  const { url, storeDirectory, serverBinary, replicas: _, ...rest } = config.nats;
  if (url !== undefined) return { config, natsUrl: url };
  const server = stack.use(
    await startNatsServer({ storeDirectory, binary: serverBinary, environment, logger: telemetry.logger }),
  );
  const { user: _user, password: _password, credsFile: _credsFile, ...own } = rest;
  const nats = { ...own, storeDirectory, replicas: 1, token: server.token };
  return { config: { ...config, nats }, natsUrl: server.url };
}

async function listen(options: ServerOptions): Promise<RunningServer> {
  const { host, port } = options;
  try {
    return await startServer(options);
  } catch (error) {
    if (isKerkisError(error)) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      throw new KerkisError(
        'precondition',
        'PORT_IN_USE',
        `Port ${port} of ${host} is in use by another program. Stop that one, or choose another port with --port (server.port); 0 takes a free one.`,
        { details: { port: `${port}` }, cause: error },
      );
    }
    if (typeof code !== 'string') throw error;
    throw new KerkisError(
      'precondition',
      'ADDRESS_UNUSABLE',
      `Port ${port} of ${host} cannot be opened (${code}). Choose another address with --host and --port (server.host, server.port).`,
      { cause: error },
    );
  }
}

/** A server on all addresses is reached through loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return isIP(host) === 6 ? `[${host}]` : host;
}
