/** An event that a write causes, kept with the document until a relay has published it. */
export interface OutboxEntry {
  /** Event id (`evt_…`), unique; becomes `Nats-Msg-Id`, so publishing it twice is harmless. */
  readonly id: string;
  /** NATS subject to publish to. */
  readonly subject: string;
  /** Full protobuf name of the message in `data`. */
  readonly type: string;
  /** The protobuf message in base64. */
  readonly data: string;
  /** Further message headers, e.g. `traceparent`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A document and the version it was read or written at. Versions start at 1 and rise by one with each write. */
export interface Versioned<T> {
  readonly doc: T;
  readonly version: number;
}

/**
 * The key or keys under which a document is found in one index; `undefined` or an empty list leaves it out. Must be a
 * pure function of the document. Keys are well-formed strings of at most 2,048 UTF-8 bytes.
 */
export type KeyExtractor<T> = (doc: T) => string | readonly string[] | undefined;

/** What a collection is called and how its documents are found. */
export interface CollectionSpec<T extends { readonly id: string }, Index extends string = string> {
  /** Lower-case letters, digits and `_`, starting with a letter, at most 63. */
  readonly name: string;
  /**
   * Extractor of each index by the index's name. An index that is new to stored documents is filled when the
   * collection is first used. A changed extractor is not noticed: give the index another name.
   */
  readonly indexes: Readonly<Record<Index, KeyExtractor<T>>>;
}

/**
 * Which documents to find, and in which order. Conditions are combined (and). Keys compare by Unicode code point.
 * Without `index` the conditions and the order are on the document's id.
 */
export interface Query<Index extends string = string> {
  readonly index?: Index | undefined;
  /** Only documents with exactly this key. */
  readonly equals?: string | undefined;
  /** Only documents with a key that starts with this. */
  readonly prefix?: string | undefined;
  /** Only documents with a key at or after this one, in ascending terms whatever `order` is. */
  readonly from?: string | undefined;
  /** Only documents with a key before this one, in ascending terms whatever `order` is. */
  readonly before?: string | undefined;
  /** Order by (key, id); default `asc`. */
  readonly order?: 'asc' | 'desc' | undefined;
  /** The most documents to return, 1 to 1,000. */
  readonly limit: number;
  /** `nextPageToken` of the page before, for the same query; the limit may differ. Empty counts as absent. */
  readonly pageToken?: string | undefined;
}

/** One page of documents. */
export interface Page<T> {
  readonly items: readonly Versioned<T>[];
  /** Where the next page starts; absent on the last page. */
  readonly nextPageToken?: string;
}

/** The outcome of a change in {@link Collection.update}. */
export interface Change<T> {
  readonly doc: T;
  readonly outbox?: readonly OutboxEntry[];
}

/** A document whose events are not all published. */
export interface PendingOutbox {
  /** Id of the document, which may be deleted by now. */
  readonly id: string;
  /** Its unpublished events, oldest first. */
  readonly entries: readonly OutboxEntry[];
}

/**
 * Versioned JSON documents. What comes back is what `JSON.parse(JSON.stringify(doc))` yields: properties that are
 * `undefined` are dropped, dates become strings.
 *
 * Every method may throw KerkisError: `unavailable` DATABASE_UNAVAILABLE, `exhausted` STORAGE_FULL, `data_loss`
 * DATABASE_CORRUPT. Writes also `too_large` DOCUMENT_TOO_LARGE (8 MiB of JSON with its new events), `internal`
 * DOCUMENT_NOT_JSON (bigint, a cycle), `invalid` DOCUMENT_KEY_INVALID (an id or key that is empty, too long or not
 * well-formed).
 */
export interface Collection<T extends { readonly id: string }, Index extends string = string> {
  /** Stores a new document at version 1. Throws `already_exists` DOCUMENT_EXISTS. */
  insert(doc: T, outbox?: readonly OutboxEntry[]): Promise<Versioned<T>>;
  /**
   * Stores those new documents at version 1 whose id is free, and leaves the others alone: many times quicker than `insert` for each.
   * Returns how many it stored. When it fails some may be stored, others not: call it again.
   */
  insertMissing(docs: readonly T[]): Promise<number>;
  /** The document, if there is one. */
  get(id: string): Promise<Versioned<T> | undefined>;
  /**
   * Replaces the document if it still has this version, and appends the events in the same write. Throws `conflict`
   * VERSION_CONFLICT if it was changed or deleted in between.
   */
  replace(versioned: Versioned<T>, outbox?: readonly OutboxEntry[]): Promise<Versioned<T>>;
  /**
   * Reads, changes and replaces, again on a conflict (20 times at most, then throws VERSION_CONFLICT). `change` may run
   * several times and must not modify its argument; if it returns undefined nothing is written. Returns the document as
   * it is afterwards, or undefined if there is none.
   */
  update(id: string, change: (doc: T) => Change<T> | undefined): Promise<Versioned<T> | undefined>;
  /**
   * Documents in (key, id) order. A document with several matching keys appears once, at the first of them. Pages are
   * stable: concurrent writes never repeat or skip a document that did not change. Throws `invalid` PAGE_TOKEN_INVALID
   * or QUERY_INVALID.
   */
  find(query: Query<Index>): Promise<Page<T>>;
  /** How many documents have this key. */
  count(query: { readonly index: Index; readonly equals: string }): Promise<number>;
  /**
   * Deletes the document, whatever its version if none is given; false if there is none. Throws `conflict`
   * VERSION_CONFLICT if it has another version. Its unpublished events and the new ones stay in the outbox.
   */
  delete(id: string, version?: number, outbox?: readonly OutboxEntry[]): Promise<boolean>;
  /** Up to `limit` documents with unpublished events, longest waiting first. */
  pendingOutbox(limit: number): Promise<readonly PendingOutbox[]>;
  /** Removes published events in one write; unknown ones are ignored. Does not change the document's version. */
  clearOutbox(id: string, entryIds: readonly string[]): Promise<void>;
  /** Calls the listener after each write of this process that added events. The listener must not throw. */
  onOutbox(listener: () => void): Disposable;
}

/** A set of collections. Disposing it closes the connection or file; later calls fail as unavailable. */
export interface Database extends AsyncDisposable {
  /** The collection of this name; asking again yields another view of the same documents and listeners. */
  collection<T extends { readonly id: string }, Index extends string = string>(
    spec: CollectionSpec<T, Index>,
  ): Collection<T, Index>;
  /** Resolves if the database answers, else throws `unavailable` DATABASE_UNAVAILABLE. */
  ping(): Promise<void>;
}
