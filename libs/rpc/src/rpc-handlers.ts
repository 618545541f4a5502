import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescService } from '@bufbuild/protobuf';
import { type ConnectRouter, createConnectRouter, type Interceptor } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { Verifier } from './api-key.ts';
import { createGate } from './gate.ts';
import { errorInterceptor, streamEndInterceptor } from './interceptors.ts';
import { logInterceptor, serverTelemetry } from './observe.ts';
import { validationInterceptor } from './validation.ts';

/** How calls are served, the same for every service on a port. */
export interface RpcSettings {
  readonly auth: Verifier | 'off';
  /** Largest message, either way, in bytes. */
  readonly maxMessageBytes: number;
  /** Longest timeout that a client may ask for. */
  readonly maxTimeoutMs: number;
  /** Ends server streams. */
  readonly drain: AbortSignal;
  /** Ends everything. */
  readonly shutdown: AbortSignal;
}

/** The handlers of one service, for gRPC, gRPC-Web and Connect. */
export function createRpcHandlers(
  part: {
    readonly routes: (router: ConnectRouter) => void;
    readonly telemetry: Pick<ServiceTelemetry, 'tracer' | 'meter' | 'logger'>;
    readonly interceptors?: readonly Interceptor[];
  },
  settings: RpcSettings,
): UniversalHandler[] {
  const observed = serverTelemetry(part.telemetry);
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    readMaxBytes: settings.maxMessageBytes,
    writeMaxBytes: settings.maxMessageBytes,
    maxTimeoutMs: settings.maxTimeoutMs,
    // A misspelled field is an error of the client that silence would hide.
    jsonOptions: { ignoreUnknownFields: false },
    shutdownSignal: settings.shutdown,
    requestGate: createGate({ auth: settings.auth, onRefused: observed.refused }),
    // The first is the outermost.
    interceptors: [
      observed.interceptor,
      logInterceptor(part.telemetry),
      errorInterceptor(),
      streamEndInterceptor(settings.drain),
      ...(part.interceptors ?? []),
      validationInterceptor(),
    ],
  });
  part.routes(router);
  return router.handlers;
}

/** The services behind some handlers, each once. */
export function servicesOf(handlers: Iterable<UniversalHandler>): DescService[] {
  return [...new Set([...handlers].map(({ service }) => service))];
}

/** Answers one HTTP request with an RPC handler. Never rejects. */
export async function serveRpc(
  handler: UniversalHandler,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  try {
    const request = universalRequestFromNodeRequest(req, res, undefined, undefined);
    await universalResponseToNodeResponse(await handler(request), res);
  } catch {
    // The handler answers its own failures: this is a request without a usable host, or a client that is gone.
    if (res.headersSent || res.destroyed) res.destroy();
    else res.writeHead(400).end();
  }
}
