import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KerkisError } from '@kerkis/errors';
import type { DatabaseAdapter } from '../adapter.ts';
import { createSqliteCollection } from './sqlite-collection.ts';
import { withSqliteErrors } from './sqlite-errors.ts';

/** Layout of the file; a file of a later layout is refused. */
const layoutVersion = 1;
const busyTimeoutMs = 5000;

/** Opens or makes an SQLite file, or a database in memory for `:memory:`. */
export async function openSqlite(path: string): Promise<DatabaseAdapter> {
  if (path === '' || path.includes('\0')) {
    throw new KerkisError(
      'invalid',
      'DATABASE_URL_INVALID',
      'sqlite: must be followed by a path or :memory:.',
    );
  }
  if (path !== ':memory:') await makeFolder(dirname(path));
  const database = withSqliteErrors(() => open(path));
  return {
    collection: (shape) => withSqliteErrors(() => createSqliteCollection(database, shape)),
    async ping() {
      withSqliteErrors(() => database.exec('SELECT 1 FROM kerkis_index LIMIT 1'));
    },
    async [Symbol.asyncDispose]() {
      if (database.isOpen) withSqliteErrors(() => database.close());
    },
  };
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    // FULL: a commit survives a power cut, not only the death of the process.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF');
    const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (found > layoutVersion) {
      throw new KerkisError(
        'precondition',
        'DATABASE_TOO_NEW',
        `The database file has layout ${found}; this version of Kerkis knows up to ${layoutVersion}. Use a newer Kerkis.`,
      );
    }
    database.exec(`
      CREATE TABLE IF NOT EXISTS kerkis_index (
        collection TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (collection, name)
      ) STRICT, WITHOUT ROWID;
      PRAGMA user_version = ${layoutVersion}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new KerkisError(
      'unavailable',
      'DATABASE_UNAVAILABLE',
      'The folder of the database file cannot be made. Check the path and its permissions.',
      { cause },
    );
  }
}
