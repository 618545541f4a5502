import type { DatabaseSync } from 'node:sqlite';
import type { CollectionShape } from '../adapter.ts';

/** Names of the three tables of a collection, quoted. */
export interface CollectionTables {
  readonly documents: string;
  readonly keys: string;
  readonly outbox: string;
}

/** Runs in one transaction: all of it is stored, or nothing. */
export function transact<R>(database: DatabaseSync, run: () => R): R {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = run();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Makes the tables of a collection, fills indexes that are new and drops those that are gone. */
export function prepareTables(database: DatabaseSync, shape: CollectionShape): CollectionTables {
  const tables = {
    documents: `"document_${shape.name}"`,
    keys: `"key_${shape.name}"`,
    outbox: `"outbox_${shape.name}"`,
  };
  transact(database, () => {
    database.exec(`
      CREATE TABLE IF NOT EXISTS ${tables.documents} (
        id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS ${tables.keys} (
        name TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (name, key, id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS "key_${shape.name}_id" ON ${tables.keys} (id, name, key);
      CREATE TABLE IF NOT EXISTS ${tables.outbox} (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, entry_id TEXT NOT NULL, entry TEXT NOT NULL
      ) STRICT;
      CREATE INDEX IF NOT EXISTS "outbox_${shape.name}_id" ON ${tables.outbox} (id, seq)`);
    matchIndexes(database, shape, tables);
  });
  return tables;
}

function matchIndexes(database: DatabaseSync, shape: CollectionShape, tables: CollectionTables): void {
  const stored = database
    .prepare('SELECT name FROM kerkis_index WHERE collection = ?')
    .all(shape.name)
    .map((row) => String(row.name));
  for (const name of stored.filter((known) => !shape.indexes.includes(known))) {
    database.prepare(`DELETE FROM ${tables.keys} WHERE name = ?`).run(name);
    database.prepare('DELETE FROM kerkis_index WHERE collection = ? AND name = ?').run(shape.name, name);
  }
  const added = shape.indexes.filter((index) => !stored.includes(index));
  if (added.length === 0) return;

  const insertKey = database.prepare(`INSERT INTO ${tables.keys} (name, key, id) VALUES (?, ?, ?)`);
  for (const { id, body } of database.prepare(`SELECT id, body FROM ${tables.documents}`).iterate()) {
    const keys = shape.keysOf(String(body));
    for (const index of added) for (const key of keys[index] ?? []) insertKey.run(index, key, String(id));
  }
  for (const index of added) {
    database.prepare('INSERT INTO kerkis_index (collection, name) VALUES (?, ?)').run(shape.name, index);
  }
}
