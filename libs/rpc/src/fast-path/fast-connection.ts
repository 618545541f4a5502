import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { readHead } from './canonical-request.ts';
import type { FastAnswer, FastHandler } from './fast-handler.ts';
import { HandedRequests } from './handed-requests.ts';
import type { Unsent } from './unsent.ts';

/** What the fast connections of a port have in common. */
export interface FastPort {
  readonly answer: FastHandler;
  readonly unsent: Unsent;
  /** What ends every head: date, connection, and the empty line. */
  readonly headEnd: () => string;
  /** Serves requests that a connection hands over one by one. */
  readonly serve: (requests: HandedRequests) => void;
  /** Serves a connection from here on. What was read of it and not answered was put back. */
  readonly takeOver: (socket: Socket, isFresh: boolean) => void;
  /** Connections that wait for the rest of a head, or for their first one. */
  readonly reading: Set<FastConnection>;
}

/** TLS keeps an encrypted copy of what is not sent yet. */
const tlsPieceBytes = 128 * 1024;
/** What may wait behind a request before the connection is not read any more. */
const maxWaitingLength = 16 * 1024;
const nothing = Buffer.alloc(0);

/** A connection whose canonical requests are answered from memory. */
export class FastConnection {
  readonly socket: Socket;
  /** When it did something last, ms since the epoch: an answer, or the first byte of a head. */
  activeAtMs = Date.now();
  readonly #port: FastPort;
  readonly #isTls: boolean;
  #isFresh = true;
  /** Read, but not looked at or not complete; each character is a byte. */
  #text = '';
  /** An answer waits for its reader. */
  #isSending = false;
  /** Of the body that is being sent, what was not given to TLS yet. */
  #rest: Buffer | undefined;
  #held: Buffer | undefined;
  /** An ordinary handler has a request of this connection. */
  #isHanded = false;
  #requests: HandedRequests | undefined;
  #isDraining = false;

  constructor(socket: Socket, port: FastPort) {
    this.socket = socket;
    this.#port = port;
    this.#isTls = (socket as TLSSocket).encrypted === true;
    port.reading.add(this);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  /** Nothing is asked for, nothing is being answered. */
  get isIdle(): boolean {
    return !this.#isSending && !this.#isHanded;
  }

  /** Bytes that were read and say nothing yet, one character each. */
  get waiting(): string {
    return this.#text;
  }

  /** The connection as the ordinary handlers see it, while they have a request of it. */
  get handed(): HandedRequests | undefined {
    return this.#isHanded ? this.#requests : undefined;
  }

  /** Ends after what is being answered. */
  drain(): void {
    this.#isDraining = true;
    if (this.isIdle) this.socket.destroySoon();
  }

  readonly #onData = (chunk: Buffer) => {
    const text = this.#text === '' ? chunk.toString('latin1') : this.#text + chunk.toString('latin1');
    if (!this.isIdle) {
      this.#text = text;
      if (text.length > maxWaitingLength) this.socket.pause();
    } else this.#read(text);
  };

  readonly #onEnd = () => {
    // As from Node's own server, no answer that is not there yet.
    if (this.#isHanded) this.#requests?.push(null);
    else this.drain();
  };

  readonly #onError = () => this.socket.destroy();

  readonly #onClose = () => {
    this.#port.reading.delete(this);
    this.#release();
    this.#requests?.destroy();
  };

  readonly #onAnswered = () => {
    if (!this.#isHanded) return;
    this.#isHanded = false;
    this.#proceed();
  };

  readonly #onServerEnded = () => {
    // A server that goes closes what is idle to it, while an answer from memory may be on its way.
    if (this.#isHanded) this.socket.destroy();
    else this.drain();
  };

  readonly #onFlushed = (error?: Error | null) => {
    if (error) return;
    const rest = this.#rest;
    if (rest) {
      this.#sendPiece(rest);
      return;
    }
    this.#isSending = false;
    this.#release();
    this.#proceed();
  };

  #proceed(): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    if (this.#isDraining) {
      this.socket.destroySoon();
      return;
    }
    if (this.socket.isPaused()) this.socket.resume();
    const text = this.#text;
    this.#text = '';
    if (text !== '') this.#read(text);
  }

  #read(text: string): void {
    let at = 0;
    while (at < text.length) {
      const head = readHead(text, at);
      if (head === 'declined') {
        this.#giveAway(text.slice(at));
        return;
      }
      if (head === 'incomplete') {
        this.#await(text.slice(at));
        return;
      }
      const { method, url, headers } = head.request;
      const answer = this.#port.answer({ method, url, headers, socket: this.socket });
      this.#isFresh = false;
      if (answer) this.#send(answer);
      else this.#hand(text.slice(at, head.end));
      at = head.end;
      if (!this.isIdle) break;
    }
    this.#text = at < text.length ? text.slice(at) : '';
    this.#port.reading.delete(this);
    this.activeAtMs = Date.now();
  }

  #await(text: string): void {
    if (!this.#isFresh && !this.#port.reading.has(this)) {
      this.activeAtMs = Date.now();
      this.#port.reading.add(this);
    }
    this.#text = text;
  }

  /** Everything from here on is for Node's own server. */
  #giveAway(text: string): void {
    const { socket } = this;
    this.#port.reading.delete(this);
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    socket.setTimeout(0);
    socket.removeAllListeners('timeout');
    this.#requests?.abandon();
    socket.pause();
    socket.unshift(Buffer.from(text, 'latin1'));
    this.#port.takeOver(socket, this.#isFresh);
  }

  #hand(text: string): void {
    this.#isHanded = true;
    if (!this.#requests) {
      this.#requests = new HandedRequests(this.socket, this.#onAnswered, this.#onServerEnded);
      this.#port.serve(this.#requests);
    }
    this.#requests.push(Buffer.from(text, 'latin1'));
  }

  #send({ head, body = nothing, text }: FastAnswer): void {
    const { socket } = this;
    const whole = head + this.#port.headEnd();
    // TLS is never done at once.
    const done = this.#isTls ? this.#onFlushed : undefined;
    this.#isSending = this.#isTls;
    if (body.length === 0) socket.write(whole, 'latin1', done);
    else if (text !== undefined) socket.write(whole + text, 'latin1', done);
    else {
      socket.cork();
      socket.write(Buffer.from(whole, 'latin1'));
      if (this.#isTls) this.#sendPiece(body);
      else socket.write(body);
      socket.uncork();
    }
    // What the kernel took at once is done.
    if (!this.#isSending && socket.writableLength === 0) return;
    this.#held = body;
    this.#port.unsent.hold(body);
    if (this.#isSending) return;
    this.#isSending = true;
    socket.write(nothing, this.#onFlushed);
  }

  #sendPiece(body: Buffer): void {
    const piece = body.subarray(0, tlsPieceBytes);
    this.#rest = piece.length < body.length ? body.subarray(tlsPieceBytes) : undefined;
    this.socket.write(piece, this.#onFlushed);
  }

  #release(): void {
    if (this.#held) this.#port.unsent.release(this.#held);
    this.#held = undefined;
  }
}
