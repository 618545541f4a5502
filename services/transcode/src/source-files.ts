import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KerkisError } from '@kerkis/errors';
import {
  type EncodeUnit,
  fetchedBytes,
  type MediaPlan,
  mapSource,
  type SourceMap,
  type SourceParts,
} from '@kerkis/media';
import type { ObjectStore } from '@kerkis/objects';
import { newScratchName, sweepScratch } from './scratch.ts';
import { openSparseCopy, type SparseCopy } from './sparse-copy.ts';

/** A source as a file that ffmpeg may read. */
interface SourceFile extends AsyncDisposable {
  readonly path: string;
}

/** A source of which not everything may be in the file. */
interface PartialSourceFile extends SourceFile {
  /** Absent where all of it is here. */
  readonly parts?: SourceParts;
  /** Resolves when all of it is in the file. */
  fetchAll(): Promise<void>;
  /** Resolves when in the file is what making these units takes. */
  fetchFor(plan: MediaPlan, units: readonly EncodeUnit[]): Promise<void>;
}

/** Gives out sources as files. */
export interface SourceFiles extends AsyncDisposable {
  /**
   * The whole source under this key; `signal` ends the wait for it. Disposing says that it is not needed any more. Throws
   * OBJECT_NOT_FOUND, STORAGE_FULL when the scratch directory has no room, CANCELLED.
   */
  open(key: string, signal: AbortSignal): Promise<SourceFile>;
  /** The same with as little in it as need be. Whoever fetches waits no longer than `signal` lasts. */
  openPart(key: string, signal: AbortSignal): Promise<PartialSourceFile>;
}

interface Copy {
  readonly path: string;
  readonly ready: Promise<SparseCopy>;
  readonly download: AbortController;
  map?: Promise<SourceMap | undefined>;
  users: number;
  expiry?: NodeJS.Timeout;
}

/** How long a copy that nobody uses stays: the next chunk of the same source mostly comes at once. */
const usualIdleMs = 60_000;

/**
 * Sources as files: on a directory store the stored file itself; on others one copy in the scratch directory, shared by
 * everyone in this process who needs it, since ffmpeg is given no network. Of a source whose index tells where everything lies the copy has only
 * what was needed so far. What killed processes left there is deleted.
 */
export async function openSourceFiles(
  objects: Pick<ObjectStore, 'get' | 'localPath'>,
  scratchDirectory: string,
  { idleMs = usualIdleMs }: { idleMs?: number } = {},
): Promise<SourceFiles> {
  await sweepScratch(scratchDirectory);
  const directory = join(scratchDirectory, newScratchName());
  const copies = new Map<string, Copy>();

  async function begin(key: string, path: string, signal: AbortSignal): Promise<SparseCopy> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await openSparseCopy(objects, key, path, signal);
  }

  function copyOf(key: string): Copy {
    const known = copies.get(key);
    if (known) return known;
    // A copy never takes the path of another one: the one that it follows may still be on its way out.
    const path = join(directory, `${createHash('sha256').update(key).digest('hex')}-${randomUUID()}`);
    const stop = new AbortController();
    const copy: Copy = { path, users: 0, download: stop, ready: begin(key, path, stop.signal) };
    copy.ready.catch(() => forget(key, copy));
    copies.set(key, copy);
    return copy;
  }

  function forget(key: string, copy: Copy): void {
    clearTimeout(copy.expiry);
    if (copies.get(key) === copy) copies.delete(key);
  }

  function release(key: string, copy: Copy): void {
    copy.users--;
    if (copy.users > 0 || copies.get(key) !== copy) return;
    copy.expiry = setTimeout(() => {
      forget(key, copy);
      copy.download.abort();
      void rm(copy.path, { force: true });
    }, idleMs);
    copy.expiry.unref();
  }

  async function take(key: string, signal: AbortSignal): Promise<PartialSourceFile> {
    const copy = copyOf(key);
    clearTimeout(copy.expiry);
    copy.users++;
    const { path } = copy;
    try {
      const sparse = await orAborted(copy.ready, signal);
      const fetch = (start: number, end: number) => orAborted(sparse.fetch(start, end), signal);
      const peek = (start: number, end: number) => orAborted(sparse.peek(start, end), signal);
      const fetchAll = () => fetch(0, sparse.sizeBytes);
      return {
        path,
        parts: { fetch, peek },
        fetchAll,
        async fetchFor(plan, units) {
          const map = await mapOf(copy, sparse);
          const ranges = units.map((unit) => map?.rangesOf(plan, unit));
          if (!ranges.every((range) => range !== undefined)) return await fetchAll();
          for (const [start, end] of ranges.flat()) await fetch(start, end);
        },
        [Symbol.asyncDispose]: async () => release(key, copy),
      };
    } catch (error) {
      release(key, copy);
      throw error;
    }
  }

  return {
    async open(key, signal) {
      if (objects.localPath) return local(objects.localPath(key));
      const file = await take(key, signal);
      try {
        await file.fetchAll();
        return file;
      } catch (error) {
        await file[Symbol.asyncDispose]();
        throw error;
      }
    },
    openPart: async (key, signal) =>
      objects.localPath ? local(objects.localPath(key)) : await take(key, signal),
    async [Symbol.asyncDispose]() {
      const all = [...copies.values()];
      for (const { expiry, download: stop } of all) {
        clearTimeout(expiry);
        stop.abort();
      }
      await Promise.allSettled(all.map(({ ready }) => ready));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const local = (path: string): PartialSourceFile => ({
  path,
  async fetchAll() {},
  async fetchFor() {},
  async [Symbol.asyncDispose]() {},
});

/** Read once for all who make something of the source. */
function mapOf(copy: Copy, sparse: SparseCopy): Promise<SourceMap | undefined> {
  copy.map ??= (async () => {
    await using file = await open(copy.path, 'r');
    return await mapSource(fetchedBytes(file, sparse), sparse.sizeBytes);
  })();
  copy.map.catch(() => delete copy.map);
  return copy.map;
}

/** The work of all who wait, or the end of this one's patience. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => {
    const options = { cause: signal.reason };
    reject(new KerkisError('cancelled', 'CANCELLED', 'Nobody waits for the source any more.', options));
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
