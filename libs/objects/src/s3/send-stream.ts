import { Readable } from 'node:stream';
import { chunksOf } from '../body.ts';
import type { ObjectBody } from '../object-store.ts';
import { toS3Error } from './errors.ts';

/**
 * Sends a body of known size as the one body of a request. When the body fails, the request is aborted (the HTTP client
 * would wait for bytes that never come) and the body's own error is thrown.
 */
export async function sendStream<T>(
  body: ObjectBody,
  sizeBytes: number,
  key: string,
  send: (body: Readable, options: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  async function* watched() {
    try {
      yield* chunksOf(body, sizeBytes);
    } catch (error) {
      failure = { error };
      controller.abort();
      throw error;
    }
  }
  const stream = Readable.from(watched(), { objectMode: false });
  stream.on('error', () => controller.abort());
  try {
    return await send(stream, { abortSignal: controller.signal });
  } catch (error) {
    throw failure ? failure.error : toS3Error(error, key);
  } finally {
    stream.destroy();
  }
}
