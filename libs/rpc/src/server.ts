import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { KerkisError, toKerkisError } from '@kerkis/errors';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { Verifier } from './api-key.ts';
import { corsOf } from './cors.ts';
import type { FastHandler } from './fast-path/fast-handler.ts';
import { createHealth } from './health.ts';
import { isLoopbackHost, requireLoopbackHost } from './host-guard.ts';
import { healthz, pathOf, readyz, sendHttpError } from './http-endpoints.ts';
import { createLoad } from './load.ts';
import { openPort, type Port, type PortLimits, type TlsFiles } from './port.ts';
import { reflectionRoutes } from './reflection.ts';
import { createRpcHandlers, serveRpc, servicesOf } from './rpc-handlers.ts';
import type { HttpHandler, ServiceParts } from './service-parts.ts';
import { readTlsFiles, type TlsPaths, watchTlsFiles } from './tls-files.ts';

/** Bounds on what clients may ask for. */
export interface ServerLimits extends PortLimits {
  /** Largest RPC message, either way. Default 4 MiB. */
  readonly maxMessageBytes: number;
  /** Longest timeout that a client may ask for. Default 1 h. */
  readonly maxTimeoutMs: number;
  /** Plain HTTP requests under way; more are answered 503. Default 4,096. */
  readonly maxRequests: number;
  /** How late the process may be with everything before plain HTTP requests are answered 503. Default 1 s. */
  readonly maxDelayMs: number;
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
  /** A second port, with TLS. The files are read again when they change. */
  readonly secure?: (TlsPaths & { readonly port: number; readonly watchMs?: number }) | undefined;
  /** Other processes listen on the same port: the kernel deals out connections. */
  readonly reusePort?: boolean | undefined;
  /** Web origins whose pages may make RPCs, e.g. `https://console.example.org`; `*` is every one. Default none. */
  readonly allowedOrigins?: readonly string[];
}

/** A running server. Disposing it drains: nothing new, streams end, what runs may finish within `drainMs`. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Of `secure`. */
  readonly securePort?: number;
}

const defaults: ServerLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxTimeoutMs: 3_600_000,
  maxConcurrentStreams: 128,
  maxRequests: 4096,
  maxDelayMs: 1000,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1024,
  trustedProxies: [],
  maxUnsentBytes: 512 * 1024 * 1024,
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

  const ownHandlers: HttpHandler[] = [
    healthz,
    readyz(parts, () => drain.signal.aborted),
    (req, res) => {
      if (!options.metricsHandler || pathOf(req) !== '/metrics') return false;
      options.metricsHandler(req, res);
      return true;
    },
  ];
  const httpHandlers = parts.flatMap(({ http = [] }) => http);
  const load = createLoad(limits);
  const serveHttp = async (req: IncomingMessage, res: ServerResponse) => {
    try {
      for (const handler of ownHandlers) if (await handler(req, res)) return;
      const request = load.begin();
      res.once('close', () => request[Symbol.dispose]());
      for (const handler of httpHandlers) if (await handler(req, res)) return;
      throw new KerkisError('not_found', 'PATH_NOT_FOUND', 'There is nothing at this path.');
    } catch (caught) {
      // Nobody has looked at the request yet: a player on any page is to see when to ask again.
      if (toKerkisError(caught).reason === 'SERVER_OVERLOADED' && !res.headersSent)
        res.setHeader('access-control-allow-origin', '*');
      const error = sendHttpError(res, caught);
      if (error.kind === 'internal')
        telemetry.logger.error({ err: error, path: pathOf(req) }, 'request failed');
    }
  };
  const answerCors = corsOf(options.allowedOrigins ?? []);
  const { host, secure } = options;
  const shared = {
    host,
    limits,
    reusePort: options.reusePort,
    fast: fastHandlerOf(parts, options.auth),
    mayPause: (req: IncomingMessage) => isMessageStream(handlers.get(pathOf(req))),
    onRequest: (req: IncomingMessage, res: ServerResponse) => {
      if (options.auth === 'off' && refused(req, res)) return;
      const handler = handlers.get(pathOf(req));
      if (answerCors(req, res, handler !== undefined)) return;
      if (handler) void serveRpc(handler, req, res);
      else void serveHttp(req, res);
    },
  };
  const files = secure && (await readTlsFiles(secure));
  const port = await openPort({ ...shared, port: options.port, tls: options.tls });
  const securePort =
    secure && (await openPort({ ...shared, port: secure.port, tls: files }).catch(endOf(port)));
  const ports = securePort ? [port, securePort] : [port];
  const watching =
    secure &&
    securePort &&
    watchTlsFiles(secure, {
      intervalMs: secure.watchMs ?? 10_000,
      logger: telemetry.logger,
      changed: (changed) => securePort.renew(changed),
    });

  const close = async () => {
    health.drain();
    for (const { onDrain } of parts) onDrain?.();
    // Who watches the health hears of it before the streams end.
    await new Promise((resolve) => setImmediate(resolve));
    load[Symbol.dispose]();
    drain.abort(new ConnectError('The server is shutting down. Ask again.', Code.Unavailable));
    watching?.[Symbol.dispose]();
    const closed = Promise.all(ports.map((each) => each.drain()));
    if (await settledWithin(closed, drainMs)) return;
    telemetry.logger.warn({ drainMs }, 'calls outlived the drain time');
    shutdown.abort(drain.signal.reason);
    await settledWithin(closed, lastWordsMs);
    for (const each of ports) each.destroy();
    await closed;
  };
  let disposed: Promise<void> | undefined;
  return {
    url: `${options.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port.address.port}`,
    port: port.address.port,
    ...(securePort && { securePort: securePort.address.port }),
    [Symbol.asyncDispose]: () => {
      disposed ??= close();
      return disposed;
    },
  };
}

/** What was opened goes with what was not. */
function endOf(port: Port): (error: unknown) => Promise<never> {
  return async (error) => {
    await port.drain();
    throw error;
  };
}

/** The first of the services that has an answer in memory. Who would be refused by his host is left to the ordinary handlers. */
function fastHandlerOf(parts: readonly ServiceParts[], auth: ServerOptions['auth']): FastHandler | undefined {
  const fast = parts.flatMap((part) => (part.fast ? [part.fast] : []));
  const [only] = fast;
  if (!only) return undefined;
  const answer: FastHandler =
    fast.length === 1
      ? only
      : (request) => {
          for (const each of fast) {
            const found = each(request);
            if (found) return found;
          }
          return undefined;
        };
  if (auth !== 'off') return answer;
  let known: string | undefined;
  return (request) => {
    const { host = '' } = request.headers;
    if (host !== known) {
      if (!isLoopbackHost(host)) return undefined;
      known = host;
    }
    return answer(request);
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

async function settledWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  return Promise.race([work.then(() => true), timeout]).finally(() => clearTimeout(timer));
}
