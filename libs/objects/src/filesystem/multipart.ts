import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkPartNumber, checkPartOrder, discardBody, partInvalid } from '../body.ts';
import { multipartNotFound } from '../failures.ts';
import { checkKey, checkPrefix, isObjectKey } from '../key.ts';
import type { MultipartInfo, ObjectBody, ObjectStore, PartInfo, PartRef } from '../object-store.ts';
import { codeOf, storage, unless } from './errors.ts';
import { etagOf, openFile, ownDirectories, type Root, statFile, syncDirectory } from './root.ts';
import { buildTemporary, publish, temporaryPath, writeAll, writeTemporary } from './temporary.ts';

type MultipartMethods = Pick<
  ObjectStore,
  'createMultipart' | 'putPart' | 'listParts' | 'completeMultipart' | 'abortMultipart' | 'listMultiparts'
>;

interface Meta {
  readonly key: string;
  readonly createdAtMs: number;
}

const metaName = 'meta.json';
const copyBytes = 1024 * 1024;

/** Multipart uploads as directories `.multipart/<uploadId>/` that hold `meta.json` and one file a part. */
export function multipartMethods(root: Root): MultipartMethods {
  return {
    async createMultipart(key) {
      const meta: Meta = { key: checkKey(key), createdAtMs: Date.now() };
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
    },

    async putPart(key, uploadId, partNumber, body, sizeBytes) {
      return await putPart(root, { key, uploadId, partNumber, body, sizeBytes });
    },

    async listParts(key, uploadId) {
      await findMultipart(root, key, uploadId);
      return await readParts(root, uploadId);
    },

    async completeMultipart(key, uploadId, parts) {
      await findMultipart(root, key, uploadId);
      checkPartOrder(parts);
      const temporary = await joinParts(root, key, uploadId, parts);
      await publish(root, temporary.path, key);
      await removeMultipart(root, uploadId);
      return { etag: temporary.etag, sizeBytes: temporary.sizeBytes };
    },

    async abortMultipart(key, uploadId) {
      checkKey(key);
      if ((await readMeta(root, uploadId))?.key === key) await removeMultipart(root, uploadId);
    },

    async *listMultiparts(prefix) {
      checkPrefix(prefix);
      yield* listMultiparts(root, prefix);
    },
  };
}

async function putPart(
  root: Root,
  part: { key: string; uploadId: string; partNumber: number; body: ObjectBody; sizeBytes: number },
): Promise<{ etag: string }> {
  const { key, uploadId, partNumber, body, sizeBytes } = part;
  try {
    checkPartNumber(partNumber);
    await findMultipart(root, key, uploadId);
  } catch (error) {
    discardBody(body);
    throw error;
  }
  const temporary = await writeTemporary(root, body, sizeBytes);
  const target = join(root, directoryOf(uploadId), String(partNumber));
  try {
    await storage(() => rename(temporary.path, target));
  } catch (error) {
    await rm(temporary.path, { force: true });
    // Aborted or completed while the part came in.
    if ((await readMeta(root, uploadId)) === undefined) throw multipartNotFound(key, error);
    throw error;
  }
  await storage(() => syncDirectory(dirname(target)));
  return { etag: temporary.etag };
}

/** One file of all parts. They stay as they are, so that a completion that was killed can be done again. */
async function joinParts(root: Root, key: string, uploadId: string, parts: readonly PartRef[]) {
  const held = new Map((await readParts(root, uploadId)).map((part) => [part.partNumber, part]));
  for (const { partNumber, etag } of parts) {
    if (held.get(partNumber)?.etag !== etag) throw partDiffers(partNumber);
  }
  const [only, ...others] = parts;
  const single = only && others.length === 0 ? held.get(only.partNumber) : undefined;
  if (single !== undefined) {
    const linked = temporaryPath(root);
    const source = join(root, directoryOf(uploadId), String(single.partNumber));
    const done = await storage(() =>
      unless(
        ['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'],
        link(source, linked).then(() => true),
      ),
    );
    if (done) return { path: linked, etag: single.etag, sizeBytes: single.sizeBytes };
  }
  return await buildTemporary(root, async (handle) => {
    const buffer = Buffer.allocUnsafe(copyBytes);
    for (const part of parts) await appendPart(root, key, uploadId, part, handle, buffer);
  });
}

async function appendPart(
  root: Root,
  key: string,
  uploadId: string,
  { partNumber, etag }: PartRef,
  target: FileHandle,
  buffer: Buffer,
): Promise<void> {
  const opened = await storage(() => openFile(root, `${directoryOf(uploadId)}/${partNumber}`));
  if (opened === undefined) throw multipartNotFound(key);
  const { handle, stats } = opened;
  try {
    if (etagOf(stats) !== etag) throw partDiffers(partNumber);
    for (;;) {
      const { bytesRead } = await storage(() => handle.read(buffer, 0, buffer.length));
      if (bytesRead === 0) return;
      await writeAll(target, [buffer.subarray(0, bytesRead)]);
    }
  } finally {
    await handle.close();
  }
}

async function readParts(root: Root, uploadId: string): Promise<PartInfo[]> {
  const directory = directoryOf(uploadId);
  const names = (await storage(() => unless(['ENOENT'], readdir(join(root, directory))))) ?? [];
  const parts: PartInfo[] = [];
  for (const name of names.filter((candidate) => /^[1-9]\d{0,4}$/.test(candidate))) {
    const stats = await storage(() => statFile(root, `${directory}/${name}`));
    if (stats === undefined) continue;
    parts.push({ partNumber: Number(name), etag: etagOf(stats), sizeBytes: Number(stats.size) });
  }
  return parts.sort((a, b) => a.partNumber - b.partNumber);
}

async function* listMultiparts(root: Root, prefix: string): AsyncGenerator<MultipartInfo> {
  const names = await storage(() => readdir(join(root, ownDirectories.multipart)));
  const found: MultipartInfo[] = [];
  for (const uploadId of names) {
    const meta = await readMeta(root, uploadId);
    if (!meta?.key.startsWith(prefix)) continue;
    found.push({ key: meta.key, uploadId, createdAt: new Date(meta.createdAtMs) });
  }
  yield* found.sort((a, b) => (a.key < b.key || (a.key === b.key && a.createdAt < b.createdAt) ? -1 : 1));
}

async function findMultipart(root: Root, key: string, uploadId: string): Promise<void> {
  checkKey(key);
  if ((await readMeta(root, uploadId))?.key !== key) throw multipartNotFound(key);
}

async function readMeta(root: Root, uploadId: string): Promise<Meta | undefined> {
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

function parseMeta(text: string): Meta | undefined {
  try {
    const { key, createdAtMs } = JSON.parse(text);
    return isObjectKey(key) && typeof createdAtMs === 'number' ? { key, createdAtMs } : undefined;
  } catch {
    return undefined;
  }
}

/** Moves the upload away in one step, so that a part that comes in meanwhile cannot stay behind. */
async function removeMultipart(root: Root, uploadId: string): Promise<void> {
  const grave = temporaryPath(root);
  try {
    await storage(() => rename(join(root, directoryOf(uploadId)), grave));
  } catch (error) {
    if (codeOf((error as Error).cause) !== 'ENOENT') throw error;
  }
  await storage(() => rm(grave, { recursive: true, force: true }));
}

function directoryOf(uploadId: string): string {
  return `${ownDirectories.multipart}/${uploadId}`;
}

function partDiffers(partNumber: number): Error {
  return partInvalid(`Part ${partNumber} is missing or is not the one that was named. Put it again.`, {
    partNumber: String(partNumber),
  });
}
