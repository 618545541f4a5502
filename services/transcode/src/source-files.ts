import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KerkisError, toKerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { newScratchName, sweepScratch } from './scratch.ts';

/** A source as a file that ffmpeg may read. */
interface SourceFile extends AsyncDisposable {
  readonly path: string;
}

/** Gives out sources as files. */
export interface SourceFiles extends AsyncDisposable {
  /**
   * The source under this key; `signal` ends the wait for it. Disposing says that it is not needed any more. Throws
   * OBJECT_NOT_FOUND, STORAGE_FULL when the scratch directory has no room, CANCELLED.
   */
  open(key: string, signal: AbortSignal): Promise<SourceFile>;
}

interface Copy {
  readonly path: string;
  readonly ready: Promise<void>;
  readonly download: AbortController;
  users: number;
  expiry?: NodeJS.Timeout;
}

/** How long a copy that nobody uses stays: the next chunk of the same source mostly comes at once. */
const usualIdleMs = 60_000;

/**
 * Sources as files: on a directory store the stored file itself; on others one copy in the scratch directory, shared by
 * everyone in this process who needs it, since ffmpeg is given no network. What killed processes left there is deleted.
 */
export async function openSourceFiles(
  objects: Pick<ObjectStore, 'get' | 'localPath'>,
  scratchDirectory: string,
  { idleMs = usualIdleMs }: { idleMs?: number } = {},
): Promise<SourceFiles> {
  await sweepScratch(scratchDirectory);
  const directory = join(scratchDirectory, newScratchName());
  const copies = new Map<string, Copy>();

  async function download(key: string, path: string, signal: AbortSignal): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { body } = await objects.get(key, { signal });
    try {
      await pipeline(body, createWriteStream(`${path}.part`, { mode: 0o600 }), { signal });
      await rename(`${path}.part`, path);
    } catch (error) {
      await rm(`${path}.part`, { force: true });
      throw toKerkisError(error);
    }
  }

  function copyOf(key: string): Copy {
    const known = copies.get(key);
    if (known) return known;
    // A copy never takes the path of another one: the one that it follows may still be on its way out.
    const path = join(directory, `${createHash('sha256').update(key).digest('hex')}-${randomUUID()}`);
    const stop = new AbortController();
    const copy: Copy = { path, users: 0, download: stop, ready: download(key, path, stop.signal) };
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

  return {
    async open(key, signal) {
      if (objects.localPath) return { path: objects.localPath(key), async [Symbol.asyncDispose]() {} };
      const copy = copyOf(key);
      clearTimeout(copy.expiry);
      copy.users++;
      try {
        await orAborted(copy.ready, signal);
      } catch (error) {
        release(key, copy);
        throw error;
      }
      return { path: copy.path, [Symbol.asyncDispose]: async () => release(key, copy) };
    },
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

/** The work of all who wait, or the end of this one's patience. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => {
    const options = { cause: signal.reason };
    reject(new KerkisError('cancelled', 'CANCELLED', 'Nobody waits for the source any more.', options));
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
