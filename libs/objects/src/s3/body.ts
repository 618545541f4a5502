import { Readable } from 'node:stream';
import { storageUnavailable } from '../failures.ts';
import { toS3Error } from './errors.ts';

/**
 * The body of an answer as a stream that fails with KerkisErrors, and also when the connection ends before all bytes
 * came. Destroying it ends the connection.
 */
export function guardBody(source: Readable, expectedBytes: number, key: string): Readable {
  let seenBytes = 0;
  const body = new Readable({
    highWaterMark: 256 * 1024,
    read() {
      source.resume();
    },
    destroy(error, done) {
      source.destroy();
      done(error);
    },
  });
  const cutShort = () => {
    if (seenBytes === expectedBytes) body.push(null);
    else
      body.destroy(
        storageUnavailable(new Error(`the body ended after ${seenBytes} of ${expectedBytes} bytes`)),
      );
  };
  source.on('data', (chunk: Uint8Array) => {
    seenBytes += chunk.length;
    if (!body.push(chunk)) source.pause();
  });
  source.on('error', (error) => body.destroy(toS3Error(error, key)));
  source.on('end', cutShort);
  source.on('close', () => {
    if (!source.readableEnded) cutShort();
  });
  source.pause();
  return body;
}
