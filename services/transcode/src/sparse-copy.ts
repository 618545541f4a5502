import { type FileHandle, open, rm } from 'node:fs/promises';
import { toKerkisError } from '@kerkis/errors';
import type { SourceParts } from '@kerkis/media';
import type { ObjectStore } from '@kerkis/objects';

/** A file as long as an object, of which only those parts are here that somebody needed. */
export interface SparseCopy extends SourceParts {
  readonly sizeBytes: number;
}

/** What is fetched at least. */
const blockBytes = 1024 ** 2;
/** What is fetched with one request at most, so that somebody who needs a part of it need not wait for all. */
const maxBlocks = 16;

/**
 * Makes a sparse file of an object: its size and first block are here, the rest is fetched when it is needed, each block once.
 * `signal` ends all fetching. Throws what the store throws, and STORAGE_FULL.
 */
export async function openSparseCopy(
  objects: Pick<ObjectStore, 'get'>,
  key: string,
  path: string,
  signal: AbortSignal,
): Promise<SparseCopy> {
  const blocks = new Map<number, Promise<void>>();
  const get = (start: number, end: number) => objects.get(key, { range: { start, end: end - 1 }, signal });

  async function store(file: FileHandle, body: AsyncIterable<Uint8Array>, from: number): Promise<void> {
    let at = from;
    for await (const bytes of body) {
      await file.write(bytes, 0, bytes.length, at);
      at += bytes.length;
    }
  }

  async function begin(): Promise<number> {
    const { body, sizeBytes } = await get(0, blockBytes);
    await using file = await open(path, 'w', 0o600);
    await file.truncate(sizeBytes);
    await store(file, body, 0);
    return sizeBytes;
  }

  const sizeBytes = await begin().catch(async (error) => {
    await rm(path, { force: true });
    throw toKerkisError(error);
  });
  blocks.set(0, Promise.resolve());

  async function download(first: number, end: number): Promise<void> {
    const [start, stop] = [first * blockBytes, Math.min(sizeBytes, end * blockBytes)];
    const { body } = await get(start, stop);
    await using file = await open(path, 'r+');
    await store(file, body, start);
  }

  /** Begins to fetch blocks that nobody has asked for. What fails can be asked for again. */
  function begun(first: number, end: number): Promise<void> {
    const work = download(first, end).catch((error) => {
      for (let block = first; block < end; block++) blocks.delete(block);
      throw toKerkisError(error);
    });
    for (let block = first; block < end; block++) blocks.set(block, work);
    return work;
  }

  return {
    sizeBytes,
    async fetch(start, end) {
      const last = Math.ceil(Math.min(end, sizeBytes) / blockBytes);
      for (let block = Math.floor(start / blockBytes); block < last; ) {
        const known = blocks.get(block);
        let next = block + 1;
        while (!known && next < last && next - block < maxBlocks && !blocks.has(next)) next++;
        await (known ?? begun(block, next));
        block = next;
      }
    },
    async peek(start, end) {
      const stop = Math.min(end, sizeBytes);
      const chunks: Uint8Array[] = [];
      for await (const bytes of (await get(start, stop)).body as AsyncIterable<Uint8Array>)
        chunks.push(bytes);
      return Buffer.concat(chunks);
    },
  };
}
