import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, keyConflict, unless } from './errors.ts';

/** Directories of the store itself, which no key can name because it starts with a dot. */
export const ownDirectories = { temporary: '.tmp', multipart: '.multipart' } as const;

/** A root is the real path of the store's directory. No path below it is followed through a symbolic link. */
export type Root = string;

const absent = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];

/** Size and time of the last change: `<size hex>-<mtime ns hex>`. */
export function etagOf(stats: BigIntStats): string {
  return `${stats.size.toString(16)}-${stats.mtimeNs.toString(16)}`;
}

/** Opens the file of a checked key or inner path for reading; undefined when there is no regular file. */
export async function openFile(
  root: Root,
  path: string,
): Promise<{ handle: FileHandle; stats: BigIntStats } | undefined> {
  const full = join(root, path);
  // Non-blocking, because opening a FIFO would wait for its writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await unless(absent, open(full, flags));
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile() && (await isReal(dirname(full)))) return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

/** The stats of the regular file of a checked key; undefined when there is none. */
export async function statFile(root: Root, path: string): Promise<BigIntStats | undefined> {
  const full = join(root, path);
  const stats = await unless(absent, lstat(full, { bigint: true }));
  return stats?.isFile() && (await isReal(dirname(full))) ? stats : undefined;
}

/** Makes the directory of a checked key, never through a symbolic link, and makes new names durable. */
export async function makeDirectory(root: Root, path: string, key: string): Promise<void> {
  const full = join(root, path);
  if (await isReal(full)) {
    const stats = await unless(absent, lstat(full));
    if (stats?.isDirectory()) return;
  }
  let current = root;
  for (const segment of path.split('/').filter((name) => name !== '' && name !== '.')) {
    const parent = current;
    current = join(parent, segment);
    try {
      await mkdir(current);
      await syncDirectory(parent);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return; // Pruned meanwhile: the caller tries again.
      if (codeOf(error) === 'ENOTDIR') throw keyConflict(key, error);
      if (codeOf(error) !== 'EEXIST') throw error;
      const stats = await unless(absent, lstat(current));
      if (stats !== undefined && !stats.isDirectory()) throw keyConflict(key, error);
    }
  }
}

/** Removes the directories above a deleted key that are empty now, the root excepted. */
export async function pruneDirectories(root: Root, path: string): Promise<void> {
  for (let current = dirname(path); current !== '.'; current = dirname(current)) {
    try {
      await rmdir(join(root, current));
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR'].includes(codeOf(error))) return;
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** Makes the names in a directory survive a power loss. */
export async function syncDirectory(full: string): Promise<void> {
  const handle = await unless(['ENOENT'], open(full, constants.O_RDONLY | constants.O_DIRECTORY));
  if (handle === undefined) return;
  try {
    // Some network filesystems cannot do it.
    await unless(['EINVAL', 'ENOTSUP'], handle.sync());
  } finally {
    await handle.close();
  }
}

async function isReal(full: string): Promise<boolean> {
  return (await unless(absent, realpath(full))) === full;
}
