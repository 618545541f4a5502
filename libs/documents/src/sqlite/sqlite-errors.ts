import { isKerkisError, KerkisError } from '@kerkis/errors';

/** Runs database code; what SQLite throws comes out as KerkisError. */
export function withSqliteErrors<R>(run: () => R): R {
  try {
    return run();
  } catch (error) {
    throw toKerkis(error);
  }
}

/** Primary result codes, https://www.sqlite.org/rescode.html; extended codes keep theirs in the low byte. */
const code = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notDatabase: 26,
};

function toKerkis(error: unknown): unknown {
  if (isKerkisError(error) || !(error instanceof Error) || !('code' in error)) return error;
  const options = { cause: error };
  if (error.code === 'ERR_INVALID_STATE') return unavailable('The database is closed.', options);
  if (error.code !== 'ERR_SQLITE_ERROR' || !('errcode' in error)) return error;
  switch (Number(error.errcode) & 0xff) {
    case code.full:
      return new KerkisError(
        'exhausted',
        'STORAGE_FULL',
        'The disk of the database is full. Free some space, then try again.',
        options,
      );
    case code.corrupt:
    case code.notDatabase:
      return new KerkisError(
        'data_loss',
        'DATABASE_CORRUPT',
        'The database file is damaged or is not an SQLite database. Restore it from a backup.',
        options,
      );
    case code.busy:
    case code.locked:
      return unavailable('The database file is locked by another process.', options);
    case code.readonly:
      return unavailable('The database file cannot be written. Check its permissions.', options);
    case code.ioError:
      return unavailable('The disk of the database failed to read or write.', options);
    case code.cantOpen:
      return unavailable('The database file cannot be opened. Check its folder and permissions.', options);
    default:
      return error;
  }
}

function unavailable(message: string, options: { cause: unknown }): KerkisError {
  return new KerkisError('unavailable', 'DATABASE_UNAVAILABLE', message, options);
}
