import { KerkisError } from '@kerkis/errors';
import type { CollectionAdapter, Scan } from './adapter.ts';
import type { Collection, CollectionSpec, OutboxEntry, Page, Query } from './collection.ts';
import { checkId, decodeDocument, encodeDocument } from './document-codec.ts';
import { keyRange } from './key-range.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';
import { updateDocument } from './update-document.ts';

const maxLimit = 1000;

/** What views of one collection in one database share. */
export interface CollectionState {
  readonly adapter: CollectionAdapter;
  readonly outboxListeners: Set<() => void>;
  readonly updates: KeyedQueue;
}

/** The collection on top of an adapter: checks, encodes, and tells outbox listeners. */
export function createCollection<T extends { readonly id: string }, Index extends string>(
  spec: CollectionSpec<T, Index>,
  { adapter, outboxListeners, updates }: CollectionState,
): Collection<T, Index> {
  const announce = (outbox: readonly OutboxEntry[]) => {
    if (outbox.length === 0) return;
    for (const listener of outboxListeners) queueMicrotask(listener);
  };

  const collection: Collection<T, Index> = {
    async insert(doc, outbox = []) {
      const encoded = encodeDocument(spec, doc, outbox);
      if (!(await adapter.insert(encoded, outbox))) {
        throw new KerkisError(
          'already_exists',
          'DOCUMENT_EXISTS',
          `${doc.id} exists already in ${spec.name}.`,
          {
            details: { id: doc.id },
          },
        );
      }
      announce(outbox);
      return decodeDocument({ ...encoded, version: 1 });
    },

    async insertMissing(docs) {
      const encoded = docs.map((doc) => encodeDocument(spec, doc, []));
      return encoded.length === 0 ? 0 : await adapter.insertMissing(encoded);
    },

    async get(id) {
      checkId(id);
      const stored = await adapter.get(id);
      return stored && decodeDocument(stored);
    },

    async replace({ doc, version }, outbox = []) {
      const encoded = encodeDocument(spec, doc, outbox);
      if (!(await adapter.replace(encoded, version, outbox))) throw versionConflict(doc.id, version);
      announce(outbox);
      return decodeDocument({ ...encoded, version: version + 1 });
    },

    async update(id, change) {
      checkId(id);
      return updates(id, () => updateDocument(collection, id, change));
    },

    async find(query) {
      return findPage<T>(spec, adapter, query);
    },

    async count({ index, equals }) {
      checkIndex(spec, index);
      checkText('equals', equals);
      return adapter.count(index, equals);
    },

    async delete(id, version, outbox = []) {
      checkId(id);
      const outcome = await adapter.delete(id, version, outbox);
      if (outcome === 'conflict') throw versionConflict(id, version ?? 0);
      if (outcome === 'deleted') announce(outbox);
      return outcome === 'deleted';
    },

    async pendingOutbox(limit) {
      checkLimit(limit);
      return adapter.pendingOutbox(limit);
    },

    async clearOutbox(id, entryIds) {
      checkId(id);
      if (entryIds.length > 0) await adapter.clearOutbox(id, entryIds);
    },

    onOutbox(listener) {
      // A set of wrappers, so that the same function may listen twice.
      const entry = () => listener();
      outboxListeners.add(entry);
      return { [Symbol.dispose]: () => void outboxListeners.delete(entry) };
    },
  };
  return collection;
}

async function findPage<T extends { readonly id: string }>(
  spec: CollectionSpec<T>,
  adapter: CollectionAdapter,
  query: Query,
): Promise<Page<T>> {
  const { index, order = 'asc', limit, pageToken } = query;
  checkLimit(limit);
  if (index !== undefined) checkIndex(spec, index);
  if (order !== 'asc' && order !== 'desc') throw queryInvalid('order', 'must be asc or desc');
  for (const field of ['equals', 'prefix', 'from', 'before'] as const) {
    if (query[field] !== undefined) checkText(field, query[field]);
  }
  const range = keyRange(query);
  const identity = JSON.stringify([spec.name, index ?? null, order, range?.lower, range?.upper]);
  const after = pageToken ? decodePageToken(identity, pageToken) : undefined;
  if (range === undefined) return { items: [] };

  const scan: Scan = { ...range, index, order, after, limit: limit + 1 };
  const rows = await adapter.find(scan);
  const items = rows.slice(0, limit).map((row) => decodeDocument<T>(row));
  const last = rows[limit - 1];
  if (rows.length <= limit || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(identity, last) };
}

function checkIndex(spec: CollectionSpec<never>, index: string): void {
  if (Object.hasOwn(spec.indexes, index)) return;
  throw new KerkisError('internal', 'INDEX_UNKNOWN', `The collection ${spec.name} has no index ${index}.`);
}

function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxLimit) return;
  throw queryInvalid('limit', `must be an integer from 1 to ${maxLimit}`);
}

function checkText(field: string, value: unknown): void {
  if (typeof value === 'string' && value.isWellFormed()) return;
  throw queryInvalid(field, 'must be well-formed Unicode text');
}

function queryInvalid(field: string, problem: string): KerkisError {
  return new KerkisError('invalid', 'QUERY_INVALID', `The query's ${field} ${problem}.`, {
    violations: [{ field, description: problem }],
  });
}

function versionConflict(id: string, version: number): KerkisError {
  return new KerkisError(
    'conflict',
    'VERSION_CONFLICT',
    `${id} was changed or deleted since it was read. Read it again, then retry.`,
    { details: { id, version: String(version) } },
  );
}
