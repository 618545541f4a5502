import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskFileName, diskFolder, formatDiskFileName, parseDiskFileName } from './disk-file.ts';

/** The files of a disk cache. Touches nothing in the directory but its own. */
export interface DiskDirectory {
  /** Makes the folders that are missing, and removes what writes left behind that did not end. */
  prepare(): Promise<void>;
  /** Every file, folder by folder. */
  scan(): AsyncIterable<DiskFileName[]>;
  /** All of a file; undefined when it is shorter than its name says. Rejects with the system's error. */
  read(file: DiskFileName): Promise<Buffer | undefined>;
  /**
   * Puts a file where it can be found, complete or not at all as long as the machine runs. It is not synced: what a power cut tears is found
   * by its checksum and fetched again, while a sync of each file would cost more than it saves.
   */
  write(file: DiskFileName, parts: readonly Buffer[]): Promise<void>;
  /** Removes a file, if it is there. */
  remove(file: DiskFileName): Promise<void>;
}

const folders = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function diskDirectory(directory: string): DiskDirectory {
  const root = join(directory, 'v1');
  const temporary = join(root, 'tmp');
  const pathOf = (file: DiskFileName) => join(root, diskFolder(file.id), formatDiskFileName(file));

  return {
    async prepare() {
      await mkdir(temporary, { recursive: true });
      for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
      for (const name of await readdir(temporary)) {
        if (uuidPattern.test(name)) await unlinkAbsent(join(temporary, name));
      }
    },

    async *scan() {
      for (const folder of folders) {
        const names = await readdir(join(root, folder));
        const files = names.flatMap((name) => parseDiskFileName(name) ?? []);
        yield files.filter(({ id }) => diskFolder(id) === folder);
      }
    },

    async read(file) {
      await using handle = await open(pathOf(file), 'r');
      const bytes = Buffer.allocUnsafeSlow(file.sizeBytes);
      let offset = 0;
      while (offset < bytes.byteLength) {
        const { bytesRead } = await handle.read(bytes, offset, bytes.byteLength - offset, offset);
        if (bytesRead === 0) return undefined;
        offset += bytesRead;
      }
      return bytes;
    },

    async write(file, parts) {
      const path = join(temporary, randomUUID());
      try {
        await using handle = await open(path, 'wx', 0o600);
        await writeAll(handle, parts);
      } catch (error) {
        await unlinkAbsent(path).catch(() => undefined);
        throw error;
      }
      await rename(path, pathOf(file)).catch(async (error: unknown) => {
        await unlinkAbsent(path).catch(() => undefined);
        throw error;
      });
    },

    remove: (file) => unlinkAbsent(pathOf(file)),
  };
}

/** A write may take less than it is given, above all where the disk is about to be full. */
async function writeAll(handle: Awaited<ReturnType<typeof open>>, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    let offset = 0;
    while (offset < part.byteLength) {
      const { bytesWritten } = await handle.write(part, offset);
      offset += bytesWritten;
    }
  }
}

async function unlinkAbsent(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
