import { constants, lstatSync, realpathSync } from 'node:fs';
import { access, mkdir, realpath, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { discardBody } from '../body.ts';
import { contentTypeOf } from '../content-type.ts';
import { objectExists, objectNotFound, objectTooLarge, throwIfAborted } from '../failures.ts';
import { checkDirectoryPrefix, checkKey, checkPrefix } from '../key.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import { cutRange } from '../range.ts';
import { copyObject } from './copy.ts';
import { codeOf, storage, toStorageError, unless } from './errors.ts';
import { multipartMethods } from './multipart.ts';
import { etagOf, openFile, ownDirectories, pruneDirectories, type Root, statFile } from './root.ts';
import { publish, sweepTemporary, writeTemporary } from './temporary.ts';
import { walk } from './walk.ts';

/** Where a filesystem store keeps its objects. */
export interface FilesystemStoreOptions {
  /** Made when it is missing. Several processes may share it; it has to be one filesystem. */
  readonly directory: string;
}

const readBytes = 256 * 1024;
const absent = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/**
 * Opens a directory as an object store. The object of a key is the file of that path; its etag is
 * `<size hex>-<mtime ns hex>`, its content type what the extension stands for.
 */
export async function openFilesystemStore({ directory }: FilesystemStoreOptions): Promise<ObjectStore> {
  const root = await storage(() => prepareRoot(directory));
  return {
    kind: 'filesystem',
    presign: false,
    ...objectMethods(root),
    ...multipartMethods(root),

    async *list(prefix) {
      yield* walk(root, checkPrefix(prefix));
    },

    async deletePrefix(prefix, { fence } = {}) {
      let count = 0;
      for await (const { key } of walk(root, checkDirectoryPrefix(prefix))) {
        await fence?.();
        count += (await deleteFile(root, key)) ? 1 : 0;
      }
      return count;
    },

    localPath(key) {
      const path = join(root, checkKey(key));
      try {
        if (realpathSync(path) === path && lstatSync(path).isFile()) return path;
      } catch (error) {
        throw absent.includes(codeOf(error)) ? objectNotFound(key, error) : toStorageError(error);
      }
      throw objectNotFound(key);
    },

    async ping() {
      await storage(async () => {
        await stat(join(root, ownDirectories.temporary));
        await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
      });
    },

    async [Symbol.asyncDispose]() {},
  };
}

function objectMethods(
  root: Root,
): Pick<ObjectStore, 'put' | 'get' | 'getBytes' | 'copy' | 'head' | 'delete'> {
  return {
    async put(key, body, { sizeBytes, ifAbsent } = {}) {
      try {
        checkKey(key);
        if (ifAbsent && (await storage(() => statFile(root, key)))) throw objectExists(key);
      } catch (error) {
        discardBody(body);
        throw error;
      }
      const temporary = await writeTemporary(root, body, sizeBytes);
      await publish(root, temporary.path, key, ifAbsent);
      return { etag: temporary.etag, sizeBytes: temporary.sizeBytes };
    },

    async get(key, { range, signal } = {}) {
      throwIfAborted(signal);
      const { handle, info } = await openObject(root, key);
      try {
        const cut = range && cutRange(key, info.sizeBytes, range);
        const bodyBytes = cut ? cut.end - cut.start + 1 : info.sizeBytes;
        if (bodyBytes === 0) {
          await handle.close();
          return { ...info, bodyBytes, body: Readable.from([]) };
        }
        const body = handle.createReadStream({ ...cut, highWaterMark: readBytes });
        return { ...info, bodyBytes, body: signal ? addAbortSignal(signal, body) : body };
      } catch (error) {
        await handle.close();
        throw error;
      }
    },

    async getBytes(key, { maxBytes, signal }) {
      throwIfAborted(signal);
      const { handle, info } = await openObject(root, key);
      try {
        if (info.sizeBytes > maxBytes) throw objectTooLarge(key, info.sizeBytes, maxBytes);
        return await storage(() => handle.readFile({ signal }));
      } finally {
        await handle.close();
      }
    },

    copy: (from, to, options) => copyObject(root, from, to, options),

    async head(key) {
      checkKey(key);
      const stats = await storage(() => statFile(root, key));
      return stats && infoOf(key, stats);
    },

    async delete(key) {
      await deleteFile(root, checkKey(key));
    },
  };
}

async function openObject(root: Root, key: string) {
  checkKey(key);
  const opened = await storage(() => openFile(root, key));
  if (opened === undefined) throw objectNotFound(key);
  return { handle: opened.handle, info: infoOf(key, opened.stats) };
}

function infoOf(key: string, stats: Parameters<typeof etagOf>[0]): ObjectInfo {
  return {
    key,
    sizeBytes: Number(stats.size),
    etag: etagOf(stats),
    modifiedAt: new Date(Number(stats.mtimeMs)),
    contentType: contentTypeOf(key),
  };
}

async function deleteFile(root: Root, key: string): Promise<boolean> {
  return await storage(async () => {
    if ((await statFile(root, key)) === undefined) return false;
    const done = await unless(
      absent,
      unlink(join(root, key)).then(() => true),
    );
    await pruneDirectories(root, key);
    return done ?? false;
  });
}

async function prepareRoot(directory: string): Promise<Root> {
  await mkdir(resolve(directory), { recursive: true });
  const root = await realpath(directory);
  for (const name of Object.values(ownDirectories)) await mkdir(join(root, name), { recursive: true });
  await sweepTemporary(root);
  return root;
}
