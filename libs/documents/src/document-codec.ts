import { KerkisError } from '@kerkis/errors';
import type { EncodedDocument, IndexKeys, StoredDocument } from './adapter.ts';
import type { CollectionSpec, OutboxEntry, Versioned } from './collection.ts';

/** The most bytes of JSON in one write: the document and its new events. MongoDB's own limit is 16 MiB. */
const maxDocumentBytes = 8 * 1024 * 1024;

const maxIdBytes = 512;
const maxKeyBytes = 2048;

/** Serialises a document, checks its size and extracts its keys. */
export function encodeDocument<T extends { readonly id: string }>(
  spec: CollectionSpec<T>,
  doc: T,
  outbox: readonly OutboxEntry[],
): EncodedDocument {
  const body = toJson(spec.name, doc);
  const sizeBytes =
    Buffer.byteLength(body) + (outbox.length > 0 ? Buffer.byteLength(JSON.stringify(outbox)) : 0);
  if (sizeBytes > maxDocumentBytes) {
    throw new KerkisError(
      'too_large',
      'DOCUMENT_TOO_LARGE',
      `A document of ${spec.name} would take ${sizeBytes} bytes; at most ${maxDocumentBytes} are allowed.`,
      { details: { sizeBytes: String(sizeBytes), maxBytes: String(maxDocumentBytes) } },
    );
  }
  checkId(doc.id);
  return { id: doc.id, body, keys: extractKeys(spec, doc) };
}

/** The document that was stored. */
export function decodeDocument<T>({ id, version, body }: StoredDocument): Versioned<T> {
  try {
    return { doc: JSON.parse(body), version };
  } catch (cause) {
    throw new KerkisError('data_loss', 'DATABASE_CORRUPT', `The stored document ${id} is damaged.`, {
      cause,
    });
  }
}

/** Distinct keys of a document by index. */
export function extractKeys<T extends { readonly id: string }>(spec: CollectionSpec<T>, doc: T): IndexKeys {
  const keys: Record<string, readonly string[]> = {};
  for (const [index, extract] of Object.entries(spec.indexes)) {
    const extracted = extract(doc);
    const distinct = new Set(typeof extracted === 'string' ? [extracted] : (extracted ?? []));
    for (const key of distinct) checkKey(`A key in index ${index}`, key, maxKeyBytes);
    keys[index] = [...distinct];
  }
  return keys;
}

/** Throws `invalid` DOCUMENT_KEY_INVALID unless the string can be a document's id. */
export function checkId(id: string): void {
  checkKey('A document id', id, maxIdBytes);
  if (id === '') throw keyInvalid('A document id must not be empty.');
}

function checkKey(what: string, key: unknown, maxBytes: number): void {
  if (typeof key !== 'string') throw keyInvalid(`${what} must be a string.`);
  if (!key.isWellFormed()) throw keyInvalid(`${what} must be well-formed Unicode, without lone surrogates.`);
  if (Buffer.byteLength(key) > maxBytes) throw keyInvalid(`${what} must be at most ${maxBytes} bytes long.`);
}

function keyInvalid(message: string): KerkisError {
  return new KerkisError('invalid', 'DOCUMENT_KEY_INVALID', message);
}

function toJson(collection: string, doc: unknown): string {
  try {
    return JSON.stringify(doc);
  } catch (cause) {
    throw new KerkisError(
      'internal',
      'DOCUMENT_NOT_JSON',
      `A document of ${collection} holds what JSON cannot: a bigint or a cycle.`,
      { cause },
    );
  }
}
