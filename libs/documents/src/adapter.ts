import type { OutboxEntry, PendingOutbox } from './collection.ts';

/** A document ready to be stored. */
export interface EncodedDocument {
  readonly id: string;
  /** JSON text. */
  readonly body: string;
  /** Distinct keys by index; every index of the collection is present. */
  readonly keys: IndexKeys;
}

/** Keys of one document by index. */
export type IndexKeys = Readonly<Record<string, readonly string[]>>;

/** A document as it is stored. */
export interface StoredDocument {
  readonly id: string;
  readonly version: number;
  readonly body: string;
}

/** A document found at a key. */
export interface StoredRow extends StoredDocument {
  readonly key: string;
}

/** A run of keys: `lower` ≤ key < `upper`, by code point. */
export interface KeyRange {
  readonly lower: string;
  /** Undefined: no upper end. */
  readonly upper: string | undefined;
  /** The only key in the range, if it holds just one. */
  readonly equals: string | undefined;
}

/** One page of a find, checked. */
export interface Scan extends KeyRange {
  /** Undefined: the key is the document's id. */
  readonly index: string | undefined;
  readonly order: 'asc' | 'desc';
  /** Continue after this place in the given order. */
  readonly after: { readonly key: string; readonly id: string } | undefined;
  readonly limit: number;
}

/** What a collection needs to know about itself to store documents. */
export interface CollectionShape {
  readonly name: string;
  readonly indexes: readonly string[];
  /** Keys of a stored body, to fill an index that is new. */
  keysOf(body: string): IndexKeys;
}

/**
 * One collection in one kind of database. Arguments are checked already; failures come out as KerkisError.
 * `outbox` entries are appended in the same atomic write.
 */
export interface CollectionAdapter {
  /** False if the id is taken. */
  insert(document: EncodedDocument, outbox: readonly OutboxEntry[]): Promise<boolean>;
  /** Stores those whose id is free, without events, in as few writes as it can. Returns how many these were. */
  insertMissing(documents: readonly EncodedDocument[]): Promise<number>;
  get(id: string): Promise<StoredDocument | undefined>;
  /** Stores it as `version + 1`; false if the stored version is another or there is none. */
  replace(document: EncodedDocument, version: number, outbox: readonly OutboxEntry[]): Promise<boolean>;
  delete(
    id: string,
    version: number | undefined,
    outbox: readonly OutboxEntry[],
  ): Promise<'deleted' | 'absent' | 'conflict'>;
  find(scan: Scan): Promise<readonly StoredRow[]>;
  count(index: string, key: string): Promise<number>;
  pendingOutbox(limit: number): Promise<readonly PendingOutbox[]>;
  clearOutbox(id: string, entryIds: readonly string[]): Promise<void>;
}

/** One kind of database. */
export interface DatabaseAdapter extends AsyncDisposable {
  collection(shape: CollectionShape): CollectionAdapter;
  ping(): Promise<void>;
}
