import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a client of HTTP/2 with prior knowledge sends first, https://www.rfc-editor.org/rfc/rfc9113#section-3.4 */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Reads just enough of a connection to know its protocol, puts it back, and hands the connection to `serve`. */
export function peek(socket: Socket, timeoutMs: number, serve: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const giveUp = () => socket.destroy();
  const timer = setTimeout(giveUp, timeoutMs);
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const matches = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (matches && length < preface.length) return;
    release();
    socket.pause();
    socket.unshift(seen);
    serve(matches);
    // Node's HTTP/2 takes what was put back by itself, one tick later; flowing, it would be lost.
    if (!matches) socket.resume();
  };
  const release = () => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('error', giveUp);
    socket.off('end', giveUp);
    socket.off('close', release);
  };
  socket.on('data', onData);
  socket.on('error', giveUp);
  socket.on('end', giveUp);
  socket.on('close', release);
}

/** We said all, and the client may still read it; one that keeps its side open all the same is not waited for. */
export function lingerAfterEnd(socket: Socket): void {
  socket.once('finish', () => {
    const timer = setTimeout(() => socket.destroy(), 1000);
    socket.once('close', () => clearTimeout(timer));
  });
}

/** A request on an HTTP/1 connection and its answer. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** A stream of messages, which may pause for as long as it likes. */
  readonly mayPause: boolean;
}

/**
 * Whether an HTTP/1 connection that was silent for the whole time waits for its client: no request, a body that is not
 * complete, or an answer that the client does not read. Otherwise it waits for us, as a stream without events does.
 */
export function isStalled(socket: Socket, exchange: Exchange | undefined): boolean {
  if (!exchange) return true;
  const { req, res, mayPause } = exchange;
  return (!req.complete && !mayPause) || socket.writableLength > 0 || res.writableLength > 0;
}
