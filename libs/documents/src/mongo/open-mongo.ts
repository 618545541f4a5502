import { KerkisError } from '@kerkis/errors';
import { MongoClient, type MongoClientOptions, MongoNotConnectedError } from 'mongodb';
import type { DatabaseAdapter } from '../adapter.ts';
import { createMongoCollection } from './mongo-collection.ts';
import { withMongoErrors } from './mongo-errors.ts';
import { rememberSuccess } from './remember-success.ts';

/** Used where the URL does not say otherwise. A write counts when most members of the replica set have it on disk. */
const defaults: MongoClientOptions = {
  appName: 'kerkis',
  connectTimeoutMS: 5_000,
  serverSelectionTimeoutMS: 5_000,
  socketTimeoutMS: 60_000,
  w: 'majority',
  journal: true,
  wtimeoutMS: 10_000,
  retryReads: true,
  retryWrites: true,
};

/** A MongoDB database that is connected on first use. */
export function openMongo(url: string): DatabaseAdapter {
  const name = databaseName(url);
  const client = createClient(url);
  const database = client.db(name);
  let closed = false;
  // The driver's own connecting on first use is never tried again once it failed.
  const connected = rememberSuccess(async () => {
    if (closed) throw new MongoNotConnectedError('The database is closed.');
    await client.connect();
  });
  return {
    collection: (shape) => createMongoCollection(database.collection(shape.name), shape, connected),
    async ping() {
      await withMongoErrors(async () => {
        await connected();
        await database.command({ ping: 1 });
      });
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await withMongoErrors(() => client.close());
    },
  };
}

function databaseName(url: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/?]+(?:\/([^?]*))?/.exec(url)?.[1] || 'kerkis';
  if (/^[\w-]{1,63}$/.test(path)) return path;
  throw new KerkisError(
    'invalid',
    'DATABASE_URL_INVALID',
    'The database in a mongodb:// URL must be named with 1 to 63 letters, digits, _ or -.',
  );
}

function createClient(url: string): MongoClient {
  const query = new URLSearchParams(url.split('?')[1]);
  const given = new Set([...query.keys()].map((key) => key.toLowerCase()));
  const options = Object.entries(defaults).filter(([key]) => !given.has(key.toLowerCase()));
  try {
    return new MongoClient(url, Object.fromEntries(options));
  } catch (cause) {
    // The driver's message may hold the password: it stays in the cause.
    throw new KerkisError(
      'invalid',
      'DATABASE_URL_INVALID',
      'The database URL must look like mongodb://<user>:<password>@<host>:<port>/<database>?<option>=<value>, with options that MongoDB documents.',
      { cause },
    );
  }
}
