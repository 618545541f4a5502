import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { chunksOf } from '../body.ts';
import { objectExists } from '../failures.ts';
import type { ObjectBody, PutResult } from '../object-store.ts';
import { codeOf, keyConflict, storage, unless } from './errors.ts';
import { etagOf, makeDirectory, ownDirectories, type Root, syncDirectory } from './root.ts';

const batchBytes = 1024 * 1024;
const staleAfterMs = 24 * 60 * 60 * 1000;
const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
let serial = randomBytes(2).readUInt16BE();

/** A file that is written but not yet seen by anybody. */
export interface TemporaryFile extends PutResult {
  readonly path: string;
}

/** A new path in the temporary directory. It names its host and process, so that the sweep spares the living. */
export function temporaryPath(root: Root): string {
  return join(root, ownDirectories.temporary, `${host}-${process.pid}-${randomBytes(12).toString('hex')}`);
}

/** Writes a body to a temporary file and to the disk. Leaves nothing when it fails. */
export async function writeTemporary(
  root: Root,
  body: ObjectBody,
  sizeBytes?: number,
): Promise<TemporaryFile> {
  return await buildTemporary(root, (handle) => writeBody(handle, body, sizeBytes, 0));
}

/** Writes a body into a file from an offset on, in batches. */
export async function writeBody(
  handle: FileHandle,
  body: ObjectBody,
  sizeBytes: number | undefined,
  offsetBytes: number,
): Promise<void> {
  let batch: Uint8Array[] = [];
  let pendingBytes = 0;
  let writtenBytes = 0;
  for await (const chunk of chunksOf(body, sizeBytes)) {
    batch.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < batchBytes) continue;
    await writeAll(handle, batch, offsetBytes + writtenBytes);
    batch = [];
    writtenBytes += pendingBytes;
    pendingBytes = 0;
  }
  await writeAll(handle, batch, offsetBytes + writtenBytes);
}

/** Lets a function fill a temporary file, then writes it to the disk. Leaves nothing when it fails. */
export async function buildTemporary(
  root: Root,
  fill: (handle: FileHandle) => Promise<void>,
): Promise<TemporaryFile> {
  const path = temporaryPath(root);
  const handle = await storage(() => openNew(path));
  try {
    try {
      await fill(handle);
      return await storage(async () => {
        await stampTime(handle);
        await handle.sync();
        const stats = await handle.stat({ bigint: true });
        return { path, etag: etagOf(stats), sizeBytes: Number(stats.size) };
      });
    } finally {
      await storage(() => handle.close());
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Writes all bytes of the buffers from a position on, however many calls that takes. */
export async function writeAll(
  handle: FileHandle,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = buffers.filter((buffer) => buffer.length > 0);
  let at = position;
  while (rest.length > 0) {
    let { bytesWritten } = await storage(() => handle.writev(rest, at));
    at += bytesWritten;
    rest = rest.flatMap((buffer) => {
      const writtenBytes = Math.min(bytesWritten, buffer.length);
      bytesWritten -= writtenBytes;
      return writtenBytes === buffer.length ? [] : [buffer.subarray(writtenBytes)];
    });
  }
}

/** Gives a temporary file its final name, atomically; removes it when that fails. */
export async function publish(root: Root, temporary: string, key: string, ifAbsent = false): Promise<void> {
  const target = join(root, key);
  try {
    await storage(() => moveInto(root, temporary, key, target, ifAbsent));
    await storage(() => syncDirectory(dirname(target)));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Removes what processes that no longer live left in the temporary directory more than a day ago. */
export async function sweepTemporary(root: Root): Promise<void> {
  const directory = join(root, ownDirectories.temporary);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const stats = await unless(['ENOENT'], lstat(path));
    if (stats === undefined || Date.now() - stats.mtimeMs < staleAfterMs || isAlive(name)) continue;
    await rm(path, { recursive: true, force: true });
  }
}

async function moveInto(root: Root, temporary: string, key: string, target: string, ifAbsent: boolean) {
  for (let attempt = 1; ; attempt += 1) {
    await makeDirectory(root, dirname(key), key);
    try {
      await (ifAbsent ? linkNew(temporary, target) : rename(temporary, target));
      return;
    } catch (error) {
      const code = codeOf(error);
      // A delete may prune the directory between the two steps.
      if (code === 'ENOENT' && attempt < 10) continue;
      if (code === 'ENOTDIR' || code === 'EISDIR') throw keyConflict(key, error);
      if (code !== 'EEXIST') throw error;
      const stats = await unless(['ENOENT'], lstat(target));
      throw stats?.isDirectory() ? keyConflict(key, error) : objectExists(key, error);
    }
  }
}

async function linkNew(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    // Filesystems without hard links: not atomic between processes, but the best there is.
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error;
    if ((await unless(['ENOENT'], lstat(target))) !== undefined) {
      throw Object.assign(new Error('exists'), { code: 'EEXIST', syscall: 'link' });
    }
    await rename(temporary, target);
  }
}

async function openNew(path: string): Promise<FileHandle> {
  const handle = await unless(['ENOENT'], open(path, 'wx', 0o644));
  if (handle !== undefined) return handle;
  // Somebody cleaned up by hand. The root itself must be there: an unmounted disk is not to be filled below.
  await stat(dirname(dirname(path)));
  await unless(['EEXIST'], mkdir(dirname(path)));
  return await open(path, 'wx', 0o644);
}

/** Sets the time of change to now with a serial in the microseconds: the clock of the kernel is too coarse for etags. */
export async function stampTime(handle: FileHandle): Promise<void> {
  serial = (serial + 1) % 1000;
  const seconds = (Date.now() + serial / 1000) / 1000;
  await handle.utimes(seconds, seconds);
}

function isAlive(name: string): boolean {
  const [fileHost, pid] = name.split('-');
  if (fileHost !== host || !/^[1-9]\d*$/.test(pid ?? '')) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
