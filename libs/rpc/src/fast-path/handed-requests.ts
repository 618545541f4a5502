import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/**
 * A connection as Node's HTTP server sees it that gets only some of the requests of a real one, whole and one at a time: those that
 * the fast path reads but does not answer. What is written to it goes to the real one at the pace of that one's reader.
 */
export class HandedRequests extends Duplex {
  /** To be called when the answer to the request is complete, or cut. */
  readonly answered: () => void;
  readonly #socket: Socket;
  readonly #ended: () => void;
  #isAbandoned = false;

  /** `ended` is called when the server ends this, in the middle of an answer or between two. */
  constructor(socket: Socket, answered: () => void, ended: () => void) {
    super({ allowHalfOpen: true, decodeStrings: false });
    this.#socket = socket;
    this.answered = answered;
    this.#ended = ended;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get encrypted(): boolean {
    return (this.#socket as TLSSocket).encrypted === true;
  }

  /** Ends this, and leaves the real connection open. */
  abandon(): void {
    this.#isAbandoned = true;
    this.destroy();
  }

  override _read(): void {
    // Requests come when they come.
  }

  override _write(
    chunk: Buffer | string,
    encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _writev(
    parts: { chunk: Buffer | string; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    const last = parts.length - 1;
    this.#socket.cork();
    parts.forEach(({ chunk, encoding }, index) => {
      this.#socket.write(chunk, encoding, index === last ? done : undefined);
    });
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.destroySoon();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isAbandoned) this.#ended();
    done(error);
  }
}
