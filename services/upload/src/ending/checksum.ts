import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { HashReply, HashRequest } from './checksum-worker.ts';

const batchBytes = 1024 * 1024;

/** Hashes in a thread of its own: a gigabyte costs most of a second, which requests must not wait for. */
export interface Checksums extends AsyncDisposable {
  /** SHA-256 in lower-case hex, and how many bytes that were. */
  sha256(body: AsyncIterable<Uint8Array>): Promise<{ readonly sha256: string; readonly sizeBytes: number }>;
}

/** Starts the thread at the first hash. It does not keep the process alive. */
export function createChecksums(): Checksums {
  let worker: Worker | undefined;
  let lastId = 0;

  function running(): Worker {
    if (worker) return worker;
    const started = new Worker(new URL('./checksum-worker.ts', import.meta.url));
    started.setMaxListeners(0);
    started.unref();
    started.once('exit', () => {
      if (worker === started) worker = undefined;
    });
    started.on('error', () => undefined);
    worker = started;
    return started;
  }

  return {
    async sha256(body) {
      const id = ++lastId;
      const thread = running();
      let sizeBytes = 0;
      for await (const bytes of batches(body)) {
        sizeBytes += bytes.length;
        await ask(thread, { id, bytes });
      }
      const { sha256 = '' } = await ask(thread, { id });
      return { sha256, sizeBytes };
    },
    async [Symbol.asyncDispose]() {
      await worker?.terminate();
    },
  };
}

async function ask(thread: Worker, request: HashRequest): Promise<HashReply> {
  const settled = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<HashReply>();
  const onMessage = (reply: HashReply) => {
    if (reply.id === request.id) resolve(reply);
  };
  thread.on('message', onMessage);
  once(thread, 'exit', { signal: settled.signal }).then(
    () => reject(new Error('the hashing thread ended')),
    (error: Error) => reject(error),
  );
  thread.postMessage(request, request.bytes ? [request.bytes.buffer as ArrayBuffer] : []);
  try {
    return await promise;
  } finally {
    thread.off('message', onMessage);
    settled.abort();
  }
}

/** Copies into batches of their own memory, which can be handed to another thread. */
async function* batches(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let batch = new Uint8Array(batchBytes);
  let filled = 0;
  for await (const chunk of body) {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + batchBytes - filled);
      batch.set(part, filled);
      taken += part.length;
      filled += part.length;
      if (filled < batchBytes) continue;
      yield batch;
      batch = new Uint8Array(batchBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield batch.slice(0, filled);
}
