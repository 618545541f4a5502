import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isKerkisError, KerkisError } from '@kerkis/errors';

/** A data directory that this process alone uses until it is disposed of. */
export interface DataDirectory extends Disposable {
  /** Absolute path. */
  readonly path: string;
}

/**
 * Makes the directory where it is missing, for its owner only, and locks it. Throws `precondition` DATA_DIRECTORY_IN_USE
 * when another process holds it, and DATA_DIRECTORY_UNUSABLE when it cannot be written.
 */
export async function openDataDirectory(directory: string): Promise<DataDirectory> {
  const path = resolve(directory);
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return await locked(path);
  } catch (error) {
    if (isKerkisError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new KerkisError(
      'precondition',
      'DATA_DIRECTORY_UNUSABLE',
      `The data directory ${path} cannot be used: ${why}. Choose another one with --data (dataDirectory).`,
      { cause: error },
    );
  }
}

/**
 * The lock is SQLite's own on a file of no content: the kernel drops it with the process, so that none is ever left behind by
 * one that was killed, and a process id that was given to another program deceives nobody.
 */
async function locked(path: string): Promise<DataDirectory> {
  const pidFile = join(path, 'kerkis.pid');
  const lock = new DatabaseSync(join(path, 'kerkis.lock'));
  try {
    lock.exec('BEGIN EXCLUSIVE');
    await writeFile(pidFile, `${process.pid}\n`);
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    const pid = (await readFile(pidFile, 'utf8').catch(() => '')).trim();
    throw new KerkisError(
      'precondition',
      'DATA_DIRECTORY_IN_USE',
      `The data directory ${path} is in use by another process${pid && ` (${pid})`}. Stop that one, or choose another directory with --data (dataDirectory).`,
      { details: { pid } },
    );
  }
  return { path, [Symbol.dispose]: () => lock.close() };
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html#busy */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
