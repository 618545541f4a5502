import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { multipartNotFound } from '../failures.ts';
import { checkKey, isObjectKey } from '../key.ts';
import type { MultipartInfo } from '../object-store.ts';
import { codeOf, storage } from './errors.ts';
import { openFile, ownDirectories, type Root, syncDirectory } from './root.ts';
import { temporaryPath, writeTemporary } from './temporary.ts';

interface Meta {
  readonly key: string;
  readonly createdAtMs: number;
}

const metaName = 'meta.json';

/** Makes the directory of a multipart upload of a checked key and gives its id. */
export async function createMultipartDirectory(root: Root, key: string): Promise<string> {
  const meta: Meta = { key, createdAtMs: Date.now() };
  const uploadId = randomBytes(16).toString('hex');
  const directory = join(root, directoryOf(uploadId));
  const temporary = await writeTemporary(root, Buffer.from(JSON.stringify(meta)));
  try {
    await storage(async () => {
      await mkdir(directory, { recursive: true });
      await rename(temporary.path, join(directory, metaName));
      await syncDirectory(directory);
      await syncDirectory(dirname(directory));
    });
  } catch (error) {
    await rm(temporary.path, { force: true });
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return uploadId;
}

/** Throws `not_found MULTIPART_NOT_FOUND` unless there is such an upload of this key. */
export async function findMultipart(root: Root, key: string, uploadId: string): Promise<void> {
  checkKey(key);
  if ((await readMeta(root, uploadId))?.key !== key) throw multipartNotFound(key);
}

/** What a multipart upload is for; undefined when there is none, or the id is none. */
export async function readMeta(root: Root, uploadId: string): Promise<Meta | undefined> {
  // The id comes from outside and becomes a path.
  if (!/^[0-9a-f]{32}$/.test(uploadId)) return undefined;
  const opened = await storage(() => openFile(root, `${directoryOf(uploadId)}/${metaName}`));
  if (opened === undefined) return undefined;
  try {
    const text = await storage(() => opened.handle.readFile('utf8'));
    return parseMeta(text);
  } finally {
    await opened.handle.close();
  }
}

/** The uploads of keys that begin with the prefix, by key. */
export async function* walkMultiparts(root: Root, prefix: string): AsyncGenerator<MultipartInfo> {
  const names = await storage(() => readdir(join(root, ownDirectories.multipart)));
  const found: MultipartInfo[] = [];
  for (const uploadId of names) {
    const meta = await readMeta(root, uploadId);
    if (!meta?.key.startsWith(prefix)) continue;
    found.push({ key: meta.key, uploadId, createdAt: new Date(meta.createdAtMs) });
  }
  yield* found.sort((a, b) => (a.key < b.key || (a.key === b.key && a.createdAt < b.createdAt) ? -1 : 1));
}

/** Moves the upload away in one step, so that a part that comes in meanwhile cannot stay behind. */
export async function removeMultipart(root: Root, uploadId: string): Promise<void> {
  const grave = temporaryPath(root);
  try {
    await storage(() => rename(join(root, directoryOf(uploadId)), grave));
  } catch (error) {
    if (codeOf((error as Error).cause) !== 'ENOENT') throw error;
  }
  await storage(() => rm(grave, { recursive: true, force: true }));
}

/** Path of an upload below the root. */
export function directoryOf(uploadId: string): string {
  return `${ownDirectories.multipart}/${uploadId}`;
}

function parseMeta(text: string): Meta | undefined {
  try {
    const { key, createdAtMs } = JSON.parse(text);
    return isObjectKey(key) && typeof createdAtMs === 'number' ? { key, createdAtMs } : undefined;
  } catch {
    return undefined;
  }
}
