import type { IncomingMessage } from 'node:http';
import { KerkisError } from '@kerkis/errors';

/** Bytes that wait to be taken; more are left to the network. */
const highWaterBytes = 1024 * 1024;

/** The body of a request. */
export interface RequestBody {
  /** Gives every byte that arrived, then throws CLIENT_GONE if the client went away before the end. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Aborted once nothing more will arrive. */
  readonly over: AbortSignal;
}

/**
 * Reads from now on. Unlike iterating the request itself, nothing that arrived is lost when the connection breaks: the stream
 * throws away what it still holds.
 */
export function readBody(req: IncomingMessage): RequestBody {
  const over = new AbortController();
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let whole = false;
  let wake = Promise.withResolvers<void>();

  const notify = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const end = () => {
    over.abort();
    notify();
  };
  req.on('data', (chunk: Uint8Array) => {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes >= highWaterBytes) req.pause();
    notify();
  });
  req.once('end', () => {
    whole = true;
    end();
  });
  req.once('aborted', end);
  req.once('error', end);
  req.once('close', end);
  if (req.destroyed || req.readableEnded) end();

  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = wake.promise;
      const chunk = waiting.shift();
      if (chunk) {
        waitingBytes -= chunk.length;
        if (waitingBytes < highWaterBytes / 2 && req.isPaused()) req.resume();
        yield chunk;
      } else if (over.signal.aborted) break;
      else await next;
    }
    if (!whole)
      throw new KerkisError('cancelled', 'CLIENT_GONE', 'The client went away before its body ended.');
  }
  return { chunks: chunks(), over: over.signal };
}
