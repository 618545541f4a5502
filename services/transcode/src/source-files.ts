import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ObjectStore } from '@kerkis/objects';

/** A source as a file that ffmpeg may read. */
export interface SourceFile extends AsyncDisposable {
  readonly path: string;
}

/** Gives out sources as files. */
export interface SourceFiles extends AsyncDisposable {
  /** The source under this key. Throws OBJECT_NOT_FOUND. Disposing says that it is not needed any more. */
  open(key: string, signal: AbortSignal): Promise<SourceFile>;
}

interface Copy {
  readonly path: string;
  readonly ready: Promise<void>;
  users: number;
  expiry?: NodeJS.Timeout;
}

/** How long a copy that nobody uses stays: the next chunk of the same source mostly comes at once. */
const idleMs = 60_000;

/**
 * Sources as files: on a directory store the stored file itself; on others one copy in the scratch directory, shared by
 * everyone in this process who needs it, since ffmpeg is given no network.
 */
export async function openSourceFiles(
  objects: Pick<ObjectStore, 'get' | 'localPath'>,
  scratchDirectory: string,
): Promise<SourceFiles> {
  const directory = join(scratchDirectory, `sources-${process.pid}`);
  const copies = new Map<string, Copy>();

  async function download(key: string, path: string): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { body } = await objects.get(key);
    try {
      await pipeline(body, createWriteStream(`${path}.part`, { mode: 0o600 }));
      await rename(`${path}.part`, path);
    } catch (error) {
      await rm(`${path}.part`, { force: true });
      throw error;
    }
  }

  function copyOf(key: string): Copy {
    const known = copies.get(key);
    if (known) return known;
    const path = join(directory, createHash('sha256').update(key).digest('hex'));
    const copy: Copy = { path, users: 0, ready: download(key, path) };
    copy.ready.catch(() => copies.delete(key));
    copies.set(key, copy);
    return copy;
  }

  function release(key: string, copy: Copy): void {
    copy.users--;
    if (copy.users > 0) return;
    copy.expiry = setTimeout(() => {
      copies.delete(key);
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
        await copy.ready;
        signal.throwIfAborted();
      } catch (error) {
        release(key, copy);
        throw error;
      }
      return { path: copy.path, [Symbol.asyncDispose]: async () => release(key, copy) };
    },
    async [Symbol.asyncDispose]() {
      for (const { expiry } of copies.values()) clearTimeout(expiry);
      await Promise.allSettled([...copies.values()].map(({ ready }) => ready));
      await rm(directory, { recursive: true, force: true });
    },
  };
}
