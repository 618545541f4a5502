import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { constants, createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { createServer as createHttpsServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Exchange, isStalled, lingerAfterEnd, peek } from './connection.ts';
import type { FastHandler } from './fast-path/fast-handler.ts';
import { createFastPath } from './fast-path/fast-path.ts';
import { HandedRequests } from './fast-path/handed-requests.ts';
import { createIdleSessions } from './idle-sessions.ts';
import { createRoom } from './room.ts';

/** Bounds on connections. */
export interface PortLimits {
  /** Calls at once on one HTTP/2 connection. Default 128. */
  readonly maxConcurrentStreams: number;
  /** Open connections. One more makes those go that were idle the longest; where none is, it is closed. Default 10,000. */
  readonly maxConnections: number;
  /** Of one address (IPv6: of a /64), loopback and `trustedProxies` apart; more are closed at once. Default 1,024. */
  readonly maxConnectionsPerAddress: number;
  /** Addresses and ranges from which many clients come. Default none. */
  readonly trustedProxies: readonly string[];
  /** Memory for answers of the fast path that wait for slow readers; above it 503. Default 512 MiB. */
  readonly maxUnsentBytes: number;
  /** Time for the TLS handshake, to send the first bytes, and all headers of a request. Default 10 s. */
  readonly headersTimeoutMs: number;
  /** Time in which a body must move on, either way, and after which an idle connection is closed. Default 60 s. */
  readonly stallTimeoutMs: number;
  /** Age after which an HTTP/2 connection is asked to go, so that clients spread over new replicas. Default 15 min. */
  readonly maxConnectionAgeMs: number;
}

/** Certificate and key in PEM form. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A listening port. */
export interface Port {
  readonly address: AddressInfo;
  /** Stops accepting, tells clients to go, closes what is idle. Resolves when the last connection is closed. */
  drain(): Promise<void>;
  /** With TLS: new connections get this certificate. */
  renew(files: TlsFiles): void;
  /** Cuts every connection. */
  destroy(): void;
}

/** HTTP/1.1 and HTTP/2 on one port: with TLS by ALPN, in the clear by the first bytes of a connection. */
export async function openPort(options: {
  readonly host: string;
  readonly port: number;
  readonly limits: PortLimits;
  readonly tls?: TlsFiles | undefined;
  readonly onRequest: (req: IncomingMessage, res: ServerResponse) => void;
  /** Whether the body of this request is a stream of messages, which may pause for as long as it likes. */
  readonly mayPause: (req: IncomingMessage) => boolean;
  /** Answers plain requests over HTTP/1.1 from memory, before Node's server sees them. */
  readonly fast?: FastHandler | undefined;
  /** Several processes listen on this port, and the kernel deals out connections. */
  readonly reusePort?: boolean | undefined;
}): Promise<Port> {
  const { limits, tls } = options;
  let draining = false;
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const idleSessions = createIdleSessions();
  const exchanges = new WeakMap<Socket, Exchange>();
  const undecided = new Set<Socket>();
  const responses = new Set<ServerResponse>();

  const onHttp1 = (req: IncomingMessage, res: ServerResponse) => {
    exchanges.set(req.socket, { req, res, mayPause: options.mayPause(req) });
    responses.add(res);
    res.shouldKeepAlive &&= !draining;
    res.once('close', () => {
      responses.delete(res);
      if (exchanges.get(req.socket)?.res === res) exchanges.delete(req.socket);
      if (req.socket instanceof HandedRequests) req.socket.answered();
      if (draining) setImmediate(() => http1.closeIdleConnections());
    });
    options.onRequest(req, res);
  };
  const http1Options = {
    headersTimeout: limits.headersTimeoutMs,
    // A long upload is no attack as long as it moves on: see onStall.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
    keepAliveTimeout: limits.stallTimeoutMs,
  };
  const handshake = { handshakeTimeout: limits.headersTimeoutMs, ALPNProtocols: ['h2', 'http/1.1'] };
  const http1: Server = tls
    ? createHttpsServer({ ...http1Options, ...tls, ...handshake }, onHttp1)
    : createHttpServer(http1Options, onHttp1);
  http1.setTimeout(limits.stallTimeoutMs, (socket) => {
    if (isStalled(socket, exchanges.get(socket))) socket.destroy();
    else socket.setTimeout(limits.stallTimeoutMs);
  });

  const http2 = createHttp2Server(
    {
      settings: {
        maxConcurrentStreams: limits.maxConcurrentStreams,
        initialWindowSize: 1024 * 1024,
        maxHeaderListSize: 32 * 1024,
      },
      maxSessionMemory: 64,
    },
    (compatReq, compatRes) => {
      const req = compatReq as unknown as IncomingMessage;
      const { stream } = compatReq;
      stream.setTimeout(limits.stallTimeoutMs, () => {
        if (!compatReq.complete && !options.mayPause(req)) stream.close(constants.NGHTTP2_CANCEL);
      });
      options.onRequest(req, compatRes as unknown as ServerResponse);
    },
  );
  http2.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    idleSessions.watch(session);
    // One slow stream must not stop the others of the connection.
    session.once('connect', () => session.setLocalWindowSize(8 * 1024 * 1024));
    const age = setTimeout(
      () => session.close(),
      limits.maxConnectionAgeMs * (0.9 + Math.random() * 0.2),
    ).unref();
    session.once('close', () => {
      clearTimeout(age);
      sessions.delete(session);
    });
    session.on('error', () => session.destroy());
    if (draining) session.close();
  });
  http2.on('sessionError', () => undefined);

  // The HTTP/1 server listens, so that its own time limits and close() work; each connection is looked at before it gets it.
  const event = tls ? 'secureConnection' : 'connection';
  const [serveHttp1] = http1.listeners(event) as ((socket: Socket) => void)[];
  http1.removeAllListeners(event);
  const decide = (socket: Socket) => {
    const serve = (isHttp2: boolean) => {
      undecided.delete(socket);
      if (isHttp2) {
        lingerAfterEnd(socket);
        http2.emit('connection', socket);
      } else serveHttp1?.call(http1, socket);
    };
    if (tls) serve((socket as TLSSocket).alpnProtocol === 'h2');
    else {
      undecided.add(socket);
      socket.once('close', () => undecided.delete(socket));
      peek(socket, limits.headersTimeoutMs, serve);
    }
  };
  const fastPath =
    options.fast &&
    createFastPath({
      answer: options.fast,
      limits,
      exchangeOf: (socket) => exchanges.get(socket),
      serve: (requests) => serveHttp1?.call(http1, requests as unknown as Socket),
      takeOver: (socket, isFresh) => {
        if (isFresh) decide(socket);
        else serveHttp1?.call(http1, socket);
        socket.resume();
      },
    });
  const room = createRoom(limits, () => fastPath?.makeRoom() || idleSessions.makeRoom());
  http1.on('connection', (socket: Socket) => {
    if (!room.take(socket)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
  });
  http1.on(event, (socket: Socket) => {
    if (socket.destroyed) return;
    const isHttp2 = tls && (socket as TLSSocket).alpnProtocol === 'h2';
    if (fastPath && !isHttp2) fastPath.accept(socket);
    else decide(socket);
  });

  await new Promise<void>((resolve, reject) => {
    http1.once('error', reject);
    const { host, port, reusePort = false } = options;
    http1.listen({ host, port, reusePort }, () => {
      http1.off('error', reject);
      resolve();
    });
  });
  return {
    address: http1.address() as AddressInfo,
    drain: () => {
      draining = true;
      const closed = new Promise<void>((resolve) => http1.close(() => resolve()));
      for (const socket of undecided) socket.destroy();
      for (const response of responses) response.shouldKeepAlive = false;
      fastPath?.drain();
      for (const session of sessions) session.close();
      return closed;
    },
    renew: (files) => (http1 as SecureServer).setSecureContext(files),
    destroy: () => {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}
