import { isKerkisError, KerkisError } from '@kerkis/errors';
import {
  MongoBulkWriteError,
  MongoError,
  MongoExpiredSessionError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoSystemError,
  MongoTopologyClosedError,
} from 'mongodb';

/** Runs database code; what the driver throws comes out as KerkisError. */
export async function withMongoErrors<R>(run: () => Promise<R>): Promise<R> {
  try {
    return await run();
  } catch (error) {
    throw toKerkis(error);
  }
}

/** Whether a write failed because its `_id` is taken. */
export function isDuplicateId(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11000;
}

/** Places of the documents of a bulk write whose `_id` is taken. Throws the error when it says anything else. */
export function duplicatesIn(error: unknown): number[] {
  if (!(error instanceof MongoBulkWriteError)) throw error;
  const failed = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  if (failed.length === 0 || failed.some(({ code }) => code !== 11000)) throw error;
  return failed.map(({ index }) => index);
}

/** https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
const outOfDiskSpace = [14031];
const tooLarge = [10334, 17419];
const denied = [13, 18, 8000];
/** Host unreachable, time-outs, shutdown, no primary, interrupted, write concern not satisfied. */
const transient = [
  6, 7, 50, 64, 79, 89, 91, 100, 134, 189, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436,
];

function toKerkis(error: unknown): unknown {
  if (isKerkisError(error) || !(error instanceof MongoError)) return error;
  const options = { cause: error };
  const code = typeof error.code === 'number' ? error.code : -1;
  if (outOfDiskSpace.includes(code) || /(disk is full|no space left)/i.test(error.message)) {
    return new KerkisError(
      'exhausted',
      'STORAGE_FULL',
      'The disk of the database is full. Free some space, then try again.',
      options,
    );
  }
  // The new part of each write is within our own limit, so what is too large is the events that wait.
  if (tooLarge.includes(code)) {
    return new KerkisError(
      'exhausted',
      'OUTBOX_FULL',
      'Too many events of this document wait to be published. Check that the event server answers.',
      options,
    );
  }
  if (denied.includes(code)) {
    return unavailable('The database refused the user name or password, or the user lacks a right.', options);
  }
  return isConnectionFailure(error) || transient.includes(code)
    ? unavailable('The database does not answer. Check that it runs and that its URL is right.', options)
    : error;
}

/** Connection failures whose classes the driver keeps to itself. */
const unexportedNames = [
  'MongoClientClosedError',
  'MongoPoolClosedError',
  'MongoServerClosedError',
  'MongoStalePrimaryError',
  'MongoWaitQueueTimeoutError',
];

function isConnectionFailure(error: MongoError): boolean {
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoSystemError ||
    error instanceof MongoNotConnectedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoExpiredSessionError ||
    error instanceof MongoOperationTimeoutError ||
    unexportedNames.includes(error.name) ||
    error.hasErrorLabel('RetryableWriteError')
  );
}

function unavailable(message: string, options: { cause: unknown }): KerkisError {
  return new KerkisError('unavailable', 'DATABASE_UNAVAILABLE', message, options);
}
