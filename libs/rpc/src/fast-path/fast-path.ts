import type { Socket } from 'node:net';
import { type Exchange, isStalled } from '../connection.ts';
import type { PortLimits } from '../port.ts';
import { FastConnection } from './fast-connection.ts';
import type { FastAnswer, FastHandler } from './fast-handler.ts';
import type { HandedRequests } from './handed-requests.ts';
import { createUnsent } from './unsent.ts';

/** The fast path of a port: reads canonical requests itself and hands over the rest. */
export interface FastPath {
  accept(socket: Socket): void;
  /** Ends some of the connections that were idle the longest, and says how many. */
  makeRoom(): number;
  /** Ends what is idle, and the rest after its answer. */
  drain(): void;
}

/** What it stands on. */
export interface FastPathOptions {
  readonly answer: FastHandler;
  readonly limits: Pick<PortLimits, 'headersTimeoutMs' | 'stallTimeoutMs' | 'maxUnsentBytes'>;
  /** What Node's server does on a connection. */
  readonly exchangeOf: (socket: Socket) => Exchange | undefined;
  readonly serve: (requests: HandedRequests) => void;
  readonly takeOver: (socket: Socket, isFresh: boolean) => void;
}

const sweepMs = 1000;
/** Who was idle for less may be about to ask. */
const minIdleMs = 1000;
/** Ended together, so that a flood does not look through all connections for each of its own. */
const roomFraction = 0.05;

export function createFastPath(options: FastPathOptions): FastPath {
  const { answer, limits, exchangeOf } = options;
  const connections = new Set<FastConnection>();
  const bySocket = new WeakMap<Socket, FastConnection>();
  const reading = new Set<FastConnection>();
  const unsent = createUnsent();
  const port = {
    unsent,
    reading,
    headEnd: createHeadEnd(limits.stallTimeoutMs),
    serve: options.serve,
    takeOver: (socket: Socket, isFresh: boolean) => {
      connections.delete(bySocket.get(socket) as FastConnection);
      options.takeOver(socket, isFresh);
    },
    answer: (request: Parameters<FastHandler>[0]) => {
      const found = answer(request);
      return found?.body && unsent.sizeBytes > limits.maxUnsentBytes ? overloaded : found;
    },
  };

  function sweep(): void {
    const overdueMs = Date.now() - limits.headersTimeoutMs;
    for (const { socket, activeAtMs } of reading) {
      if (activeAtMs > overdueMs) continue;
      if (socket.bytesRead > 0) socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
      socket.destroySoon();
    }
  }
  let sweeping: NodeJS.Timeout | undefined;

  return {
    accept(socket) {
      const connection = new FastConnection(socket, port);
      connections.add(connection);
      bySocket.set(socket, connection);
      sweeping ??= setInterval(sweep, Math.min(sweepMs, limits.headersTimeoutMs)).unref();
      socket.once('close', () => {
        connections.delete(connection);
        if (connections.size > 0) return;
        clearInterval(sweeping);
        sweeping = undefined;
      });
      socket.setTimeout(limits.stallTimeoutMs, () => {
        const { handed } = connection;
        const exchange = handed && exchangeOf(handed as unknown as Socket);
        if (isStalled(socket, exchange)) socket.destroy();
        else socket.setTimeout(limits.stallTimeoutMs);
      });
    },
    makeRoom() {
      const sinceMs = Date.now() - minIdleMs;
      const idle = [...connections].filter((each) => each.isIdle && each.activeAtMs < sinceMs);
      idle.sort((a, b) => a.activeAtMs - b.activeAtMs);
      const going = idle.slice(0, Math.ceil(connections.size * roomFraction));
      for (const { socket } of going) socket.destroy();
      return going.length;
    },
    drain() {
      for (const connection of connections) connection.drain();
    },
  };
}

/** As Node ends the head of an answer on a connection that is kept. */
function createHeadEnd(idleMs: number): () => string {
  const kept = `\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleMs / 1000)}\r\n\r\n`;
  let text = '';
  let secondMs = 0;
  return () => {
    const nowMs = Date.now();
    if (nowMs - secondMs >= 1000 || nowMs < secondMs) {
      secondMs = nowMs - (nowMs % 1000);
      text = `Date: ${new Date(secondMs).toUTCString()}${kept}`;
    }
    return text;
  };
}

const words = Buffer.from(
  `${JSON.stringify({
    kind: 'unavailable',
    reason: 'SERVER_OVERLOADED',
    message: 'Too many answers wait for slow readers. Ask again in a moment.',
  })}\n`,
);
/** It says nothing that a page must not read, and a player is to see when to ask again. */
const overloaded: FastAnswer = {
  head: `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: ${words.length}\r\ncache-control: no-store\r\nretry-after: 2\r\naccess-control-allow-origin: *\r\n`,
  body: words,
};
