import { type FileHandle, link, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { partInvalid } from '../body.ts';
import { multipartNotFound } from '../failures.ts';
import type { PartInfo, PartRef } from '../object-store.ts';
import { storage, unless } from './errors.ts';
import type { Journal } from './journal.ts';
import { directoryOf } from './multipart-directory.ts';
import { bodyName } from './place-part.ts';
import { etagOf, openFile, type Root, statFile } from './root.ts';
import { buildTemporary, type TemporaryFile, temporaryPath, writeAll } from './temporary.ts';
import { hasCertainlyEnded } from './writer-id.ts';

/** A part that the store holds: in the body at its place, or in a file of its own. */
export interface HeldPart extends PartInfo {
  readonly offsetBytes?: number;
}

const copyBytes = 1024 * 1024;
const noLinks = ['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'];

/** The parts of an upload, by number. */
export async function readParts(root: Root, uploadId: string, journal: Journal): Promise<HeldPart[]> {
  const directory = directoryOf(uploadId);
  const names = (await storage(() => unless(['ENOENT'], readdir(join(root, directory))))) ?? [];
  const parts = new Map<number, HeldPart>();
  for (const name of names.filter((candidate) => /^[1-9]\d{0,4}$/.test(candidate))) {
    const stats = await storage(() => statFile(root, `${directory}/${name}`));
    if (stats === undefined) continue;
    const partNumber = Number(name);
    parts.set(partNumber, { partNumber, etag: etagOf(stats), sizeBytes: Number(stats.size) });
  }
  for (const { partNumber, offsetBytes, sizeBytes, etag } of (await journal.read()).byId.values()) {
    if (etag !== undefined) parts.set(partNumber, { partNumber, offsetBytes, sizeBytes, etag });
  }
  return [...parts.values()].sort((a, b) => a.partNumber - b.partNumber);
}

/** The parts that were named, as they are held. Throws `invalid MULTIPART_PART_INVALID`. */
export function namedParts(held: readonly HeldPart[], named: readonly PartRef[]): HeldPart[] {
  const byNumber = new Map(held.map((part) => [part.partNumber, part]));
  return named.map(({ partNumber, etag }) => {
    const part = byNumber.get(partNumber);
    if (part?.etag !== etag) throw partDiffers(partNumber);
    return part;
  });
}

/**
 * The object that the parts make, as a temporary file. Parts that all lie at their places are it already, and a single one is, too;
 * any others are copied. They stay as they are, so that a completion that was killed can be done again.
 */
export async function assembleParts(
  root: Root,
  upload: { readonly key: string; readonly uploadId: string },
  parts: readonly HeldPart[],
  journal: Journal,
): Promise<TemporaryFile> {
  const directory = join(root, directoryOf(upload.uploadId));
  const [only, ...others] = parts;
  const isSingle = only && others.length === 0 && only.offsetBytes === undefined;
  const whole = isSingle ? String(only.partNumber) : bodyName;
  if (isSingle || (await isBody(directory, parts, journal))) {
    const linked = temporaryPath(root);
    const done = await storage(() =>
      unless(
        noLinks,
        link(join(directory, whole), linked).then(() => true),
      ),
    );
    if (done) {
      const stats = await storage(() => stat(linked, { bigint: true }));
      return { path: linked, etag: etagOf(stats), sizeBytes: Number(stats.size) };
    }
  }
  return await buildTemporary(root, async (handle) => {
    const buffer = Buffer.allocUnsafe(copyBytes);
    let writtenBytes = 0;
    for (const part of parts) {
      await copyPart(root, upload, part, { handle, buffer, offsetBytes: writtenBytes });
      writtenBytes += part.sizeBytes;
    }
  });
}

/**
 * Whether the body is the object of these parts, and nobody writes into it any more. Whoever begins after the seal goes elsewhere;
 * of those who began before, the journal tells.
 */
async function isBody(directory: string, parts: readonly HeldPart[], journal: Journal): Promise<boolean> {
  let endBytes = 0;
  for (const { offsetBytes, sizeBytes } of parts) {
    if (offsetBytes !== endBytes) return false;
    endBytes += sizeBytes;
  }
  await journal.append({ sealed: true });
  const { byId } = await journal.read();
  for (const [id, { etag }] of byId) if (etag === undefined && !hasCertainlyEnded(id)) return false;
  return (await storage(() => stat(join(directory, bodyName)))).size === endBytes;
}

/** Opens a part for reading: its file, and where in it the part lies. */
export async function openPart(
  root: Root,
  { key, uploadId }: { readonly key: string; readonly uploadId: string },
  { partNumber, offsetBytes, sizeBytes, etag }: HeldPart,
): Promise<{ readonly handle: FileHandle; readonly start: number; readonly end: number }> {
  const name = offsetBytes === undefined ? String(partNumber) : bodyName;
  const opened = await storage(() => openFile(root, `${directoryOf(uploadId)}/${name}`));
  if (opened === undefined) throw multipartNotFound(key);
  const start = offsetBytes ?? 0;
  const isSame = offsetBytes === undefined ? etagOf(opened.stats) === etag : true;
  if (isSame && Number(opened.stats.size) >= start + sizeBytes) {
    return { handle: opened.handle, start, end: start + sizeBytes };
  }
  await opened.handle.close();
  throw partDiffers(partNumber);
}

async function copyPart(
  root: Root,
  upload: { readonly key: string; readonly uploadId: string },
  part: HeldPart,
  target: { readonly handle: FileHandle; readonly buffer: Buffer; readonly offsetBytes: number },
): Promise<void> {
  const { handle, start, end } = await openPart(root, upload, part);
  try {
    for (let at = start; at < end; ) {
      const wanted = Math.min(target.buffer.length, end - at);
      const { bytesRead } = await storage(() => handle.read(target.buffer, 0, wanted, at));
      if (bytesRead === 0) throw partDiffers(part.partNumber);
      await writeAll(target.handle, [target.buffer.subarray(0, bytesRead)], target.offsetBytes + at - start);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

function partDiffers(partNumber: number): Error {
  return partInvalid(`Part ${partNumber} is missing or is not the one that was named. Put it again.`, {
    partNumber: String(partNumber),
  });
}
