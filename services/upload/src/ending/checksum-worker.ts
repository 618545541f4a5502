import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

/** Next bytes of one hash; without bytes, its end. */
export interface HashRequest {
  readonly id: number;
  readonly bytes?: Uint8Array;
}

/** Bytes are taken in; at the end with the digest in hex. */
export interface HashReply {
  readonly id: number;
  readonly sha256?: string;
}

const hashes = new Map<number, Hash>();

parentPort?.on('message', ({ id, bytes }: HashRequest) => {
  const hash = hashes.get(id) ?? createHash('sha256');
  hashes.set(id, hash);
  if (bytes) hash.update(bytes);
  else hashes.delete(id);
  const reply: HashReply = bytes ? { id } : { id, sha256: hash.digest('hex') };
  parentPort?.postMessage(reply);
});
