import type { DatabaseSync } from 'node:sqlite';
import type { CollectionAdapter, CollectionShape, EncodedDocument } from '../adapter.ts';
import type { OutboxEntry, PendingOutbox } from '../collection.ts';
import { withSqliteErrors } from './sqlite-errors.ts';
import { createFind } from './sqlite-find.ts';
import { prepareTables, transact } from './sqlite-layout.ts';

/** One collection in an SQLite database: a table of documents, one of index keys, one of unpublished events. */
export function createSqliteCollection(database: DatabaseSync, shape: CollectionShape): CollectionAdapter {
  const tables = prepareTables(database, shape);
  const { documents, keys, outbox } = tables;
  const find = createFind(database, tables);
  const statements = {
    insert: database.prepare(
      `INSERT INTO ${documents} (id, version, body) VALUES (?, 1, ?) ON CONFLICT (id) DO NOTHING`,
    ),
    get: database.prepare(`SELECT version, body FROM ${documents} WHERE id = ?`),
    version: database.prepare(`SELECT version FROM ${documents} WHERE id = ?`),
    replace: database.prepare(
      `UPDATE ${documents} SET version = version + 1, body = ? WHERE id = ? AND version = ?`,
    ),
    remove: database.prepare(`DELETE FROM ${documents} WHERE id = ?`),
    keysOf: database.prepare(`SELECT name, key FROM ${keys} WHERE id = ?`),
    insertKey: database.prepare(`INSERT INTO ${keys} (name, key, id) VALUES (?, ?, ?)`),
    removeKey: database.prepare(`DELETE FROM ${keys} WHERE name = ? AND key = ? AND id = ?`),
    count: database.prepare(`SELECT count(*) AS n FROM ${keys} WHERE name = ? AND key = ?`),
    append: database.prepare(`INSERT INTO ${outbox} (id, entry_id, entry) VALUES (?, ?, ?)`),
    // The inner limit bounds the work however many events wait.
    pending: database.prepare(
      `SELECT id, min(seq) AS first FROM (SELECT id, seq FROM ${outbox} ORDER BY seq LIMIT ?)
       GROUP BY id ORDER BY first`,
    ),
    entries: database.prepare(`SELECT entry FROM ${outbox} WHERE id = ? ORDER BY seq`),
    clear: database.prepare(`DELETE FROM ${outbox} WHERE id = ? AND entry_id = ?`),
  };

  const append = (id: string, entries: readonly OutboxEntry[]) => {
    for (const entry of entries) statements.append.run(id, entry.id, JSON.stringify(entry));
  };
  const storeKeys = (id: string, wanted: EncodedDocument['keys']) => {
    const missing = new Map(Object.entries(wanted).map(([name, list]) => [name, new Set(list)]));
    for (const row of statements.keysOf.all(id)) {
      const [name, key] = [String(row.name), String(row.key)];
      if (!missing.get(name)?.delete(key)) statements.removeKey.run(name, key, id);
    }
    for (const [name, list] of missing) for (const key of list) statements.insertKey.run(name, key, id);
  };
  const write = <R>(run: () => R): R => withSqliteErrors(() => transact(database, run));

  return {
    async insert({ id, body, keys: wanted }, entries) {
      return write(() => {
        if (statements.insert.run(id, body).changes === 0) return false;
        storeKeys(id, wanted);
        append(id, entries);
        return true;
      });
    },
    async insertMissing(wanted) {
      return write(() => {
        let stored = 0;
        for (const { id, body, keys: wantedKeys } of wanted) {
          if (statements.insert.run(id, body).changes === 0) continue;
          storeKeys(id, wantedKeys);
          stored++;
        }
        return stored;
      });
    },
    async get(id) {
      const row = withSqliteErrors(() => statements.get.get(id));
      return row && { id, version: Number(row.version), body: String(row.body) };
    },
    async replace({ id, body, keys: wanted }, version, entries) {
      return write(() => {
        if (statements.replace.run(body, id, version).changes === 0) return false;
        storeKeys(id, wanted);
        append(id, entries);
        return true;
      });
    },
    async delete(id, version, entries) {
      return write(() => {
        const stored = statements.version.get(id);
        if (stored === undefined) return 'absent';
        if (version !== undefined && stored.version !== version) return 'conflict';
        statements.remove.run(id);
        storeKeys(id, {});
        append(id, entries);
        return 'deleted';
      });
    },
    async find(scan) {
      return withSqliteErrors(() => find(scan));
    },
    async count(index, key) {
      return withSqliteErrors(() => Number(statements.count.get(index, key)?.n));
    },
    async pendingOutbox(limit) {
      return withSqliteErrors(() =>
        statements.pending.all(limit).map((row): PendingOutbox => {
          const id = String(row.id);
          const entries = statements.entries.all(id).map((found) => JSON.parse(String(found.entry)));
          return { id, entries };
        }),
      );
    },
    async clearOutbox(id, entryIds) {
      write(() => {
        for (const entryId of entryIds) statements.clear.run(id, entryId);
      });
    },
  };
}
