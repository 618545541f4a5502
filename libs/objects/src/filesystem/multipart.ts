import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { checkPartNumber, checkPartOrder, discardBody } from '../body.ts';
import { multipartNotFound } from '../failures.ts';
import { checkKey, checkPrefix } from '../key.ts';
import type { ObjectBody, ObjectStore } from '../object-store.ts';
import { storage } from './errors.ts';
import { createJournals, type Journal } from './journal.ts';
import {
  createMultipartDirectory,
  directoryOf,
  findMultipart,
  readMeta,
  removeMultipart,
  walkMultiparts,
} from './multipart-directory.ts';
import { assembleParts, namedParts, openPart, readParts } from './parts.ts';
import { bodyName, placePart } from './place-part.ts';
import { bytesInARow } from './places.ts';
import { type Root, syncDirectory } from './root.ts';
import { publish, writeTemporary } from './temporary.ts';

type MultipartMethods = Pick<
  ObjectStore,
  | 'createMultipart'
  | 'putPart'
  | 'getPart'
  | 'growing'
  | 'listParts'
  | 'completeMultipart'
  | 'abortMultipart'
  | 'listMultiparts'
>;

interface IncomingPart {
  readonly key: string;
  readonly uploadId: string;
  readonly partNumber: number;
  readonly body: ObjectBody;
  readonly sizeBytes: number;
  readonly offsetBytes: number | undefined;
}

const readBytes = 256 * 1024;

/**
 * Multipart uploads as directories `.multipart/<uploadId>/`: `meta.json`; the `body` with the parts that were put at their places,
 * of which `journal` tells; and one file for each other part.
 */
export function multipartMethods(root: Root): MultipartMethods {
  const journals = createJournals(root);
  return {
    async createMultipart(key) {
      return await createMultipartDirectory(root, checkKey(key));
    },

    async putPart(key, uploadId, partNumber, body, sizeBytes, { offsetBytes } = {}) {
      try {
        checkPartNumber(partNumber);
        await findMultipart(root, key, uploadId);
      } catch (error) {
        discardBody(body);
        throw error;
      }
      const part = { key, uploadId, partNumber, body, sizeBytes, offsetBytes };
      return await putPart(root, journals.of(uploadId), part);
    },

    async getPart(key, uploadId, { partNumber, etag }) {
      await findMultipart(root, key, uploadId);
      const held = await readParts(root, uploadId, journals.of(uploadId));
      const [part] = namedParts(held, [{ partNumber, etag }]);
      if (!part || part.sizeBytes === 0) return Readable.from([]);
      const { handle, start, end } = await openPart(root, { key, uploadId }, part);
      return handle.createReadStream({ start, end: end - 1, highWaterMark: readBytes });
    },

    async growing(key, uploadId) {
      checkKey(key);
      if ((await readMeta(root, uploadId))?.key !== key) return undefined;
      const { byId } = await journals.of(uploadId).read();
      const sizeBytes = bytesInARow(byId.values());
      return sizeBytes > 0 ? { path: join(root, directoryOf(uploadId), bodyName), sizeBytes } : undefined;
    },

    async listParts(key, uploadId) {
      await findMultipart(root, key, uploadId);
      const held = await readParts(root, uploadId, journals.of(uploadId));
      return held.map(({ partNumber, etag, sizeBytes }) => ({ partNumber, etag, sizeBytes }));
    },

    async completeMultipart(key, uploadId, named) {
      await findMultipart(root, key, uploadId);
      checkPartOrder(named);
      const journal = journals.of(uploadId);
      const parts = namedParts(await readParts(root, uploadId, journal), named);
      const temporary = await assembleParts(root, { key, uploadId }, parts, journal);
      await publish(root, temporary.path, key);
      await remove(uploadId);
      return { etag: temporary.etag, sizeBytes: temporary.sizeBytes };
    },

    async abortMultipart(key, uploadId) {
      checkKey(key);
      if ((await readMeta(root, uploadId))?.key === key) await remove(uploadId);
    },

    async *listMultiparts(prefix) {
      yield* walkMultiparts(root, checkPrefix(prefix));
    },
  };

  async function remove(uploadId: string): Promise<void> {
    await removeMultipart(root, uploadId);
    journals.forget(uploadId);
  }
}

async function putPart(root: Root, journal: Journal, part: IncomingPart): Promise<{ etag: string }> {
  const { key, uploadId, partNumber, body, sizeBytes, offsetBytes = -1 } = part;
  const own = join(root, directoryOf(uploadId), String(partNumber));
  if (Number.isSafeInteger(offsetBytes) && offsetBytes >= 0 && sizeBytes > 0) {
    const placed = await placePart(root, journal, { ...part, offsetBytes });
    if (placed) {
      await storage(() => rm(own, { force: true }));
      return placed;
    }
  }
  const temporary = await writeTemporary(root, body, sizeBytes);
  try {
    await storage(() => rename(temporary.path, own));
  } catch (error) {
    await rm(temporary.path, { force: true });
    // Aborted or completed while the part came in.
    if ((await readMeta(root, uploadId)) === undefined) throw multipartNotFound(key, error);
    throw error;
  }
  await storage(() => syncDirectory(dirname(own)));
  // From here on an earlier one at its place does not count.
  const { byId } = await journal.read();
  if ([...byId.values()].some((place) => place.partNumber === partNumber)) {
    await journal.append({ apart: partNumber }, { sync: true });
  }
  return { etag: temporary.etag };
}
