import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

/** What the thread is asked for, in the order in which it is to happen. `id` names one hash. */
export type HashRequest =
  | { readonly op: 'add'; readonly id: number; readonly bytes: Uint8Array; readonly sizeBytes: number }
  /** Remembers the hash as it is, under a number. */
  | { readonly op: 'mark'; readonly id: number; readonly at: number }
  /** Goes back to a mark, or to the beginning, and forgets the marks behind it. */
  | { readonly op: 'rewind'; readonly id: number; readonly at: number }
  | { readonly op: 'digest'; readonly id: number }
  | { readonly op: 'drop'; readonly id: number };

/** The oldest bytes of a hash are taken in: their shared memory may be used again. Or a digest in hex. */
export type HashReply =
  | { readonly id: number; readonly taken: true }
  | { readonly id: number; readonly sha256: string };

/** Bytes may wait in memory for two parts to be stored, and each part ends with a mark. */
export const keptMarks = 8;

interface Running {
  hash: Hash;
  readonly marks: Map<number, Hash>;
}

const running = new Map<number, Running>();

function runningOf(id: number): Running {
  const known = running.get(id);
  if (known) return known;
  const begun = { hash: createHash('sha256'), marks: new Map<number, Hash>() };
  running.set(id, begun);
  return begun;
}

parentPort?.on('message', (request: HashRequest) => {
  const one = runningOf(request.id);
  switch (request.op) {
    case 'add': {
      one.hash.update(request.bytes.subarray(0, request.sizeBytes));
      const reply: HashReply = { id: request.id, taken: true };
      parentPort?.postMessage(reply);
      break;
    }
    case 'mark': {
      one.marks.set(request.at, one.hash.copy());
      const [oldest] = one.marks.keys();
      if (one.marks.size > keptMarks && oldest !== undefined) one.marks.delete(oldest);
      break;
    }
    case 'rewind': {
      one.hash = one.marks.get(request.at)?.copy() ?? createHash('sha256');
      for (const at of one.marks.keys()) if (at > request.at) one.marks.delete(at);
      break;
    }
    case 'digest': {
      const reply: HashReply = { id: request.id, sha256: one.hash.copy().digest('hex') };
      parentPort?.postMessage(reply);
      break;
    }
    case 'drop':
      running.delete(request.id);
  }
});
