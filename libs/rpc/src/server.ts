import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { KerkisError } from '@kerkis/errors';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { Verifier } from './api-key.ts';
import { corsOf } from './cors.ts';
import { createHealth } from './health.ts';
import { requireLoopbackHost } from './host-guard.ts';
import { healthz, pathOf, readyz, sendHttpError } from './http-endpoints.ts';
import { openPort, type PortLimits, type TlsFiles } from './port.ts';
import { reflectionRoutes } from './reflection.ts';
import { createRpcHandlers, serveRpc, servicesOf } from './rpc-handlers.ts';
import type { HttpHandler, ServiceParts } from './service-parts.ts';

/** Bounds on what clients may ask for. */
export interface ServerLimits extends PortLimits {
  /** Largest RPC message, either way. Default 4 MiB. */
  readonly maxMessageBytes: number;
  /** Longest timeout that a client may ask for. Default 1 h. */
  readonly maxTimeoutMs: number;
}

/** Settings of a server. */
export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly parts: readonly ServiceParts[];
  /** Every RPC needs the scope `<service>:read` or `<service>:write`; health and reflection are open. */
  readonly auth: Verifier | 'off';
  /** Of the process, for what belongs to no single service. */
  readonly telemetry: ServiceTelemetry;
  /** Serves `/metrics`. Absent: there is no such path. */
  readonly metricsHandler?: ((req: IncomingMessage, res: ServerResponse) => void) | undefined;
  readonly limits?: Partial<ServerLimits>;
  /** How long running calls may take to end when the server is disposed. Default 10 s. */
  readonly drainMs?: number;
  readonly tls?: TlsFiles | undefined;
  /** Web origins whose pages may make RPCs, e.g. `https://console.example.org`; `*` is every one. Default none. */
  readonly allowedOrigins?: readonly string[];
}

/** A running server. Disposing it drains: nothing new, streams end, what runs may finish within `drainMs`. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

const defaults: ServerLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxTimeoutMs: 3_600_000,
  maxConcurrentStreams: 128,
  maxConnections: 10_000,
  headersTimeoutMs: 10_000,
  stallTimeoutMs: 60_000,
  maxConnectionAgeMs: 900_000,
};

/** Time between the abort of what outlived the drain and the end of its connection: enough to write a status. */
const lastWordsMs = 200;

/**
 * Serves gRPC, gRPC-Web, Connect and plain HTTP of one or more services on one port, with health, reflection, `/healthz`,
 * `/readyz` and `/metrics`. Rejects with the listen error (EADDRINUSE, EACCES) if the port cannot be had.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { parts, telemetry, drainMs = 10_000 } = options;
  const limits = { ...defaults, ...options.limits };
  const drain = new AbortController();
  const shutdown = new AbortController();
  const settings = { ...limits, auth: options.auth, drain: drain.signal, shutdown: shutdown.signal };

  const handlers = new Map<string, UniversalHandler>();
  const services = () => servicesOf(handlers.values());
  const health = createHealth(() => services().map(({ typeName }) => typeName));
  const standard = [
    { telemetry, routes: health.routes },
    { telemetry, routes: reflectionRoutes(services) },
  ];
  for (const handler of [...parts, ...standard].flatMap((part) => createRpcHandlers(part, settings))) {
    if (handlers.has(handler.requestPath)) throw new Error(`${handler.requestPath} is registered twice`);
    handlers.set(handler.requestPath, handler);
  }

  const httpHandlers: HttpHandler[] = [
    healthz,
    readyz(parts, () => drain.signal.aborted),
    (req, res) => {
      if (!options.metricsHandler || pathOf(req) !== '/metrics') return false;
      options.metricsHandler(req, res);
      return true;
    },
    ...parts.flatMap(({ http = [] }) => http),
  ];
  const serveHttp = async (req: IncomingMessage, res: ServerResponse) => {
    try {
      for (const handler of httpHandlers) if (await handler(req, res)) return;
      throw new KerkisError('not_found', 'PATH_NOT_FOUND', 'There is nothing at this path.');
    } catch (caught) {
      const error = sendHttpError(res, caught);
      if (error.kind === 'internal')
        telemetry.logger.error({ err: error, path: pathOf(req) }, 'request failed');
    }
  };
  const answerCors = corsOf(options.allowedOrigins ?? []);
  const port = await openPort({
    host: options.host,
    port: options.port,
    limits,
    tls: options.tls,
    mayPause: (req) => isMessageStream(handlers.get(pathOf(req))),
    onRequest: (req, res) => {
      if (options.auth === 'off' && refused(req, res)) return;
      const handler = handlers.get(pathOf(req));
      if (answerCors(req, res, handler !== undefined)) return;
      if (handler) void serveRpc(handler, req, res);
      else void serveHttp(req, res);
    },
  });

  const close = async () => {
    health.drain();
    for (const { onDrain } of parts) onDrain?.();
    // Who watches the health hears of it before the streams end.
    await new Promise((resolve) => setImmediate(resolve));
    drain.abort(new ConnectError('The server is shutting down. Ask again.', Code.Unavailable));
    const closed = port.drain();
    if (await settledWithin(closed, drainMs)) return;
    telemetry.logger.warn({ drainMs }, 'calls outlived the drain time');
    shutdown.abort(drain.signal.reason);
    await settledWithin(closed, lastWordsMs);
    port.destroy();
    await closed;
  };
  let disposed: Promise<void> | undefined;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `${options.tls ? 'https' : 'http'}://${host}:${port.address.port}`,
    port: port.address.port,
    [Symbol.asyncDispose]: () => {
      disposed ??= close();
      return disposed;
    },
  };
}

function isMessageStream(handler: UniversalHandler | undefined): boolean {
  return handler?.method.methodKind === 'client_streaming' || handler?.method.methodKind === 'bidi_streaming';
}

/** A server without keys answers to loopback names only. */
function refused(req: IncomingMessage, res: ServerResponse): boolean {
  try {
    requireLoopbackHost(req);
    return false;
  } catch (error) {
    sendHttpError(res, error);
    return true;
  }
}

async function settledWithin(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  return Promise.race([work.then(() => true), timeout]).finally(() => clearTimeout(timer));
}
