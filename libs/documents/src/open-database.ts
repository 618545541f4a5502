import { KerkisError } from '@kerkis/errors';
import type { DatabaseAdapter } from './adapter.ts';
import type { CollectionSpec, Database } from './collection.ts';
import { type CollectionState, createCollection } from './create-collection.ts';
import { extractKeys } from './document-codec.ts';
import { createKeyedQueue } from './keyed-queue.ts';
import { openMongo } from './mongo/open-mongo.ts';
import { openSqlite } from './sqlite/open-sqlite.ts';

/** Where the documents are. */
export interface DatabaseOptions {
  /** `sqlite:<path of the file>`, `sqlite::memory:`, or `mongodb://…` / `mongodb+srv://…` (database `kerkis` if unnamed). */
  readonly url: string;
}

/**
 * Opens a database. An SQLite file is made with its folder if it is missing. MongoDB is connected on first use, so that
 * a service can start before its database; `ping` tells whether it answers.
 *
 * Throws `invalid` DATABASE_URL_INVALID; for SQLite also `unavailable` DATABASE_UNAVAILABLE and `data_loss`
 * DATABASE_CORRUPT.
 */
export async function openDatabase({ url }: DatabaseOptions): Promise<Database> {
  return createDatabase(await openAdapter(url));
}

async function openAdapter(url: string): Promise<DatabaseAdapter> {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length));
  if (/^mongodb(\+srv)?:\/\//.test(url)) return openMongo(url);
  throw new KerkisError(
    'invalid',
    'DATABASE_URL_INVALID',
    'The database URL must be sqlite:<path>, sqlite::memory:, mongodb://<hosts>/<database> or mongodb+srv://<host>/<database>.',
  );
}

interface OpenCollection extends CollectionState {
  readonly indexes: string;
}

function createDatabase(adapter: DatabaseAdapter): Database {
  const states = new Map<string, OpenCollection>();
  return {
    collection<T extends { readonly id: string }, Index extends string>(spec: CollectionSpec<T, Index>) {
      checkNames(spec);
      const indexes = Object.keys(spec.indexes).toSorted();
      let state = states.get(spec.name);
      if (state === undefined) {
        state = {
          indexes: indexes.join(),
          adapter: adapter.collection({
            name: spec.name,
            indexes,
            keysOf: (body) => extractKeys(spec, JSON.parse(body)),
          }),
          outboxListeners: new Set(),
          updates: createKeyedQueue(),
        };
        states.set(spec.name, state);
      }
      if (state.indexes !== indexes.join()) {
        throw new KerkisError(
          'internal',
          'COLLECTION_MISMATCH',
          `The collection ${spec.name} is open already with other indexes: ${state.indexes}.`,
        );
      }
      return createCollection(spec, state);
    },
    ping: () => adapter.ping(),
    [Symbol.asyncDispose]: () => adapter[Symbol.asyncDispose](),
  };
}

function checkNames(spec: CollectionSpec<never>): void {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(spec.name)) {
    throw new KerkisError('internal', 'COLLECTION_NAME_INVALID', `${spec.name} cannot name a collection.`);
  }
  for (const index of Object.keys(spec.indexes)) {
    if (/^[a-zA-Z][a-zA-Z0-9_]{0,62}$/.test(index)) continue;
    throw new KerkisError('internal', 'INDEX_NAME_INVALID', `${index} cannot name an index of ${spec.name}.`);
  }
}
