import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { FastConnection } from '../src/fast-path/fast-connection.ts';
import { createUnsent } from '../src/fast-path/unsent.ts';
import { oddInput, randomOf } from './odd-requests.ts';

/** What a server is told of a connection, in order: requests, and what else Node makes of the bytes. */
type Told = readonly string[];

/** What became of many inputs. */
export interface Outcome {
  readonly inputs: number;
  /** Requests that the fast path read itself. */
  readonly accepted: number;
  /** Inputs that it gave away, from some place on. */
  readonly declined: number;
  /** Inputs of which the two made something else, at most ten of them. */
  readonly disagreements: readonly string[];
}

/**
 * Gives each input to Node's server as a whole, and to a fast connection in pieces: what that reads, followed by what Node's server makes
 * of the bytes that it gave away or still waits with, must be the same.
 */
export async function compareWithNode(options: {
  readonly inputs: number;
  readonly seed: number;
}): Promise<Outcome> {
  const random = randomOf(options.seed);
  const node = createNode();
  const disagreements: string[] = [];
  let accepted = 0;
  let declined = 0;
  for (let count = 0; count < options.inputs; count++) {
    // Sockets that were destroyed are let go of.
    if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    const input = oddInput(random);
    const whole = node.read(input);
    const fast = readFast(input, random);
    accepted += fast.told.length;
    if (fast.isGivenAway) declined += 1;
    const both = [...fast.told, ...node.read(fast.rest)];
    if (input.endsWith(fast.rest) && isEqual(whole, both)) continue;
    disagreements.push(JSON.stringify({ input, whole, both, rest: fast.rest }));
    if (disagreements.length === 10) break;
  }
  node.close();
  return { inputs: options.inputs, accepted, declined, disagreements };
}

function isEqual(left: Told, right: Told): boolean {
  return left.length === right.length && left.every((entry, index) => entry === right[index]);
}

/** Node's own server on connections in memory. */
function createNode() {
  let told: string[] = [];
  const note = (event: string) => (req: IncomingMessage) => {
    told.push(`${event} ${described(req)}`);
  };
  const server: Server = createServer({ connectionsCheckingInterval: 3_600_000 })
    .on('request', note('request'))
    .on('checkContinue', note('continue'))
    .on('checkExpectation', note('expectation'))
    .on('upgrade', note('upgrade'))
    .on('connect', note('connect'))
    .on('clientError', (error: NodeJS.ErrnoException) => {
      told.push(`error ${error.code}`);
    });
  return {
    read(text: string): Told {
      told = [];
      if (text === '') return told;
      const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
      server.emit('connection', socket);
      socket.emit('data', Buffer.from(text, 'latin1'));
      socket.destroy();
      return told;
    },
    close: () => server.close(),
  };
}

function described({ method, url, headers, httpVersion }: IncomingMessage): string {
  return JSON.stringify([method, url, httpVersion, Object.entries(headers).toSorted(byName)]);
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}

function readFast(input: string, random: (below: number) => number) {
  const told: string[] = [];
  let away: string | undefined;
  const socket = new MemorySocket();
  const reading = new Set<FastConnection>();
  const connection = new FastConnection(socket as unknown as Socket, {
    reading,
    unsent: createUnsent(),
    headEnd: () => '\r\n',
    serve: () => undefined,
    takeOver: () => {
      away = socket.putBack;
    },
    answer: ({ method, url, headers }) => {
      const fields = Object.entries(headers).toSorted(byName);
      told.push(`request ${JSON.stringify([method, url, '1.1', fields])}`);
      return { head: '' };
    },
  });
  let at = 0;
  while (at < input.length && away === undefined) {
    // Mostly whole, as requests come.
    const piece = random(2) === 0 ? input.length - at : 1 + random(Math.min(400, input.length - at));
    socket.emit('data', Buffer.from(input.slice(at, at + piece), 'latin1'));
    at += piece;
  }
  const isGivenAway = away !== undefined;
  const rest = (away ?? connection.waiting) + input.slice(at);
  socket.emit('close');
  return { told, rest, isGivenAway };
}

/** As much of a socket as the two look at. */
class MemorySocket extends EventEmitter {
  readonly writable = true;
  readonly readable = true;
  readonly writableLength = 0;
  readonly destroyed = false;
  readonly writableEnded = false;
  putBack = '';

  write(): boolean {
    return true;
  }

  unshift(bytes: Buffer): void {
    this.putBack = bytes.toString('latin1');
  }

  isPaused(): boolean {
    return false;
  }

  cork(): void {}
  uncork(): void {}
  pause(): this {
    return this;
  }
  resume(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  end(): this {
    return this;
  }
  destroy(): this {
    return this;
  }
  destroySoon(): void {}
}
