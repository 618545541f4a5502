import { Worker } from 'node:worker_threads';
import { type HashReply, type HashRequest, keptMarks } from './hash-thread.ts';

const batchBytes = 1024 * 1024;
/** Batches of one hash that may wait for the thread. */
const maxWaiting = 4;
const keptBatches = 16;

/** One hash over bytes in their order. Used from one place at a time. Everything throws once the thread has ended. */
export interface RunningHash {
  /** Bytes taken so far. */
  position(): number;
  /** Takes bytes by copying them; resolves when there is room for more. */
  add(chunk: Uint8Array): Promise<void>;
  /** Remembers this position, to come back to it. The newest few are kept. */
  mark(): void;
  /** Goes back to the last mark at or before a position, or to the beginning, and forgets what came after it. */
  rewind(toBytes: number): void;
  /** SHA-256 of the bytes so far, lower-case hex. It can go on afterwards. */
  digest(): Promise<string>;
  /** Gives its memory back. */
  drop(): void;
}

/** Hashes in a thread of its own: a gigabyte costs most of a second, which requests must not wait for. */
export interface Hasher extends AsyncDisposable {
  begin(): RunningHash;
}

interface Waiting {
  readonly batches: Uint8Array[];
  ended: boolean;
  wake: PromiseWithResolvers<void>;
  readonly digests: PromiseWithResolvers<string>[];
}

/** Starts the thread at the first hash. It does not keep the process alive. */
export function createHasher(): Hasher {
  const free: Uint8Array[] = [];
  let waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let lastId = 0;

  function thread(): Worker {
    if (worker) return worker;
    const started = new Worker(new URL('./hash-thread.ts', import.meta.url));
    const own = new Map<number, Waiting>();
    started.unref();
    started.on('message', (reply: HashReply) => take(own, reply));
    started.on('error', () => undefined);
    started.once('exit', () => {
      if (worker === started) worker = undefined;
      for (const one of own.values()) end(one);
    });
    waiting = own;
    worker = started;
    return started;
  }

  function take(own: Map<number, Waiting>, reply: HashReply): void {
    const one = own.get(reply.id);
    if (!one) return;
    if ('sha256' in reply) one.digests.shift()?.resolve(reply.sha256);
    else {
      const batch = one.batches.shift();
      if (batch && free.length < keptBatches) free.push(batch);
      wake(one);
    }
  }

  function begin(): RunningHash {
    const id = ++lastId;
    const target = thread();
    const own = waiting;
    const one: Waiting = { batches: [], ended: false, wake: Promise.withResolvers(), digests: [] };
    own.set(id, one);
    let batch: Uint8Array | undefined;
    let filled = 0;
    let position = 0;
    let marks: number[] = [];

    function send(request: HashRequest): void {
      if (one.ended) throw threadEnded();
      target.postMessage(request);
    }

    function flush(): void {
      if (!batch || filled === 0) return;
      const bytes = batch;
      batch = undefined;
      one.batches.push(bytes);
      send({ op: 'add', id, bytes, sizeBytes: filled });
      filled = 0;
    }

    return {
      position: () => position,

      async add(chunk) {
        for (let taken = 0; taken < chunk.length; ) {
          // Shared: to hand memory over to the thread and back costs more than to copy the bytes.
          batch ??= free.pop() ?? new Uint8Array(new SharedArrayBuffer(batchBytes));
          const part = chunk.subarray(taken, taken + batchBytes - filled);
          batch.set(part, filled);
          taken += part.length;
          filled += part.length;
          position += part.length;
          if (filled === batchBytes) flush();
        }
        while (one.batches.length >= maxWaiting && !one.ended) await one.wake.promise;
        if (one.ended) throw threadEnded();
      },

      mark() {
        flush();
        marks = [...marks.filter((at) => at !== position), position].slice(-keptMarks);
        send({ op: 'mark', id, at: position });
      },

      rewind(toBytes) {
        if (position <= toBytes) return;
        flush();
        marks = marks.filter((at) => at <= toBytes);
        position = marks.at(-1) ?? 0;
        send({ op: 'rewind', id, at: position });
      },

      async digest() {
        flush();
        const answer = Promise.withResolvers<string>();
        send({ op: 'digest', id });
        one.digests.push(answer);
        return await answer.promise;
      },

      drop() {
        own.delete(id);
        if (batch && free.length < keptBatches) free.push(batch);
        batch = undefined;
        filled = 0;
        if (!one.ended) send({ op: 'drop', id });
        end(one);
      },
    };
  }

  return {
    begin,
    async [Symbol.asyncDispose]() {
      await worker?.terminate();
    },
  };
}

function wake(one: Waiting): void {
  one.wake.resolve();
  one.wake = Promise.withResolvers();
}

function end(one: Waiting): void {
  one.ended = true;
  wake(one);
  for (const digest of one.digests.splice(0)) digest.reject(threadEnded());
}

function threadEnded(): Error {
  return new Error('the hashing thread ended');
}
