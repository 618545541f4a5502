import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { KerkisError } from '@kerkis/errors';
import { multipartNotFound } from '../failures.ts';
import type { ObjectBody } from '../object-store.ts';
import { storage, unless } from './errors.ts';
import type { Journal } from './journal.ts';
import { directoryOf } from './multipart-directory.ts';
import { overlap } from './places.ts';
import type { Root } from './root.ts';
import { stampTime, writeBody } from './temporary.ts';
import { hasCertainlyEnded, newWriterId } from './writer-id.ts';

/** A part whose place in the object is known. */
export interface PlacedPart {
  readonly key: string;
  readonly uploadId: string;
  readonly partNumber: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly body: ObjectBody;
}

/** The file in which parts lie as in the object, so that a completion only gives it its name. */
export const bodyName = 'body';

/**
 * Writes a part where it belongs in the object. Undefined, and nothing is read of the body, when the place is not free: another
 * writer is at it or may be, a part with a higher number is there, or the upload is being completed.
 */
export async function placePart(
  root: Root,
  journal: Journal,
  part: PlacedPart,
): Promise<{ readonly etag: string } | undefined> {
  const writerId = await takePlace(journal, part);
  if (writerId === undefined) return undefined;
  try {
    const etag = `${part.sizeBytes.toString(16)}-${randomBytes(8).toString('hex')}`;
    await writeInPlace(root, part);
    if (await journal.append({ done: writerId, etag }, { sync: true })) return { etag };
    throw multipartNotFound(part.key);
  } catch (error) {
    await giveBack(root, journal, part, writerId).catch(() => undefined);
    // On a full disk even this may fail: then the place stays taken, and the part goes elsewhere.
    await journal.append({ gone: writerId }).catch(() => undefined);
    throw error;
  }
}

async function takePlace(journal: Journal, part: PlacedPart): Promise<string | undefined> {
  const { partNumber, offsetBytes, sizeBytes } = part;
  const before = (await journal.read()).byId;
  const met = [...before].filter(([, other]) => overlap(part, other) || other.partNumber === partNumber);
  for (const [id, { etag }] of met) {
    if (etag === undefined && hasCertainlyEnded(id)) await journal.append({ gone: id });
  }
  const writerId = newWriterId();
  const line = { begin: writerId, part: partNumber, offset: offsetBytes, size: sizeBytes };
  // What is overwritten must not count any more after a power loss either.
  if (!(await journal.append(line, { sync: met.length > 0 }))) throw multipartNotFound(part.key);
  return (await journal.read()).byId.has(writerId) ? writerId : undefined;
}

const cutOff = (key: string) =>
  new KerkisError(
    'unavailable',
    'STORAGE_UNAVAILABLE',
    'The disk was full while the part was written. Put it again.',
    {
      details: { key },
    },
  );

/** Takes what was written off the end again: a disk that it filled needs room to tell so. */
async function giveBack(
  root: Root,
  journal: Journal,
  { uploadId, offsetBytes }: PlacedPart,
  writerId: string,
): Promise<void> {
  const { byId } = await journal.read();
  const isLast = [...byId.values()].every((other) => other.offsetBytes <= offsetBytes);
  if (!isLast || !byId.has(writerId)) return;
  await using handle = await open(join(root, directoryOf(uploadId), bodyName), constants.O_RDWR);
  if ((await handle.stat()).size > offsetBytes) await handle.truncate(offsetBytes);
}

async function writeInPlace(root: Root, part: PlacedPart): Promise<void> {
  const path = join(root, directoryOf(part.uploadId), bodyName);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = await storage(() => unless(['ENOENT'], open(path, flags, 0o644)));
  if (handle === undefined) throw multipartNotFound(part.key);
  try {
    await writeBody(handle, part.body, part.sizeBytes, part.offsetBytes);
    await storage(async () => {
      await stampTime(handle);
      await handle.sync();
    });
    const { size } = await storage(() => handle.stat());
    if (size < part.offsetBytes + part.sizeBytes) throw cutOff(part.key);
  } finally {
    await storage(() => handle.close());
  }
}
