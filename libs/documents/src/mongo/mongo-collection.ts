import type { Filter, Collection as MongoCollection, UpdateFilter } from 'mongodb';
import type { CollectionAdapter, CollectionShape, EncodedDocument } from '../adapter.ts';
import type { OutboxEntry, PendingOutbox } from '../collection.ts';
import { createKeyedQueue } from '../keyed-queue.ts';
import { duplicatesIn, isDuplicateId, withMongoErrors } from './mongo-errors.ts';
import { equalFilter, findRows } from './mongo-find.ts';
import { type MongoDocument, prepareCollection, toMongoKeys } from './mongo-layout.ts';
import { rememberSuccess } from './remember-success.ts';

const notDeleted = { d: { $exists: false } } satisfies Filter<MongoDocument>;
const noEvents = { 'o.0': { $exists: false } } satisfies Filter<MongoDocument>;

/** One collection in MongoDB: one stored document holds body, keys and events, so each write is atomic. */
export function createMongoCollection(
  stored: MongoCollection<MongoDocument>,
  shape: CollectionShape,
  connected: () => Promise<unknown>,
): CollectionAdapter {
  const prepared = rememberSuccess(async () => {
    await connected();
    await prepareCollection(stored, shape);
  });
  const run = <R>(operation: () => Promise<R>): Promise<R> =>
    withMongoErrors(async () => {
      await prepared();
      return await operation();
    });

  /** Writes of this process to one document wait for each other here, not as write conflicts in the server. */
  const queue = createKeyedQueue();
  const write = <R>(id: string, operation: () => Promise<R>) => queue(id, () => run(operation));

  /** After events were removed: forgets the time of the oldest, and the document itself if it is deleted. */
  const settle = async (id: string) => {
    await stored.updateOne({ _id: id, ...noEvents }, { $unset: { p: '' } });
    await stored.deleteOne({ _id: id, d: true, ...noEvents });
  };

  const fieldsOf = ({ body, keys }: EncodedDocument) => ({ v: 1, b: body, ...toMongoKeys(keys) });

  const adapter: CollectionAdapter = {
    insert: ({ id, ...document }, outbox) =>
      write(id, async () => {
        const fields = fieldsOf({ id, ...document });
        try {
          const o = outbox.map((entry) => JSON.stringify(entry));
          await stored.insertOne({ _id: id, ...fields, o, ...(o.length === 0 ? {} : { p: Date.now() }) });
          return true;
        } catch (error) {
          if (!isDuplicateId(error)) throw error;
        }
        const revived = await stored.updateOne(
          { _id: id, d: true },
          { $set: fields, $unset: { d: '' }, ...appending(outbox) },
        );
        return revived.matchedCount === 1;
      }),

    insertMissing: async (documents) => {
      const taken = await run(async () => {
        const wanted = documents.map((document) => ({ _id: document.id, ...fieldsOf(document), o: [] }));
        try {
          await stored.insertMany(wanted, { ordered: false });
          return [];
        } catch (error) {
          return duplicatesIn(error).map((index) => documents[index]);
        }
      });
      let count = documents.length - taken.length;
      // An id that looks taken may be that of a deleted document whose events are still to be published.
      for (const document of taken) if (document && (await adapter.insert(document, []))) count++;
      return count;
    },

    get: (id) =>
      run(async () => {
        const found = await stored.findOne({ _id: id, ...notDeleted }, { projection: { v: 1, b: 1 } });
        return found === null ? undefined : { id, version: found.v, body: found.b };
      }),

    replace: ({ id, body, keys }, version, outbox) =>
      write(id, async () => {
        const { matchedCount } = await stored.updateOne(
          { _id: id, v: version, ...notDeleted },
          { $set: { b: body, ...toMongoKeys(keys) }, $inc: { v: 1 }, ...appending(outbox) },
        );
        return matchedCount === 1;
      }),

    delete: (id, version, outbox) =>
      write(id, async () => {
        const wanted = { _id: id, ...(version === undefined ? {} : { v: version }), ...notDeleted };
        if (outbox.length === 0) {
          const { deletedCount } = await stored.deleteOne({ ...wanted, ...noEvents });
          if (deletedCount === 1) return 'deleted';
        }
        const noKeys = toMongoKeys(Object.fromEntries(shape.indexes.map((index) => [index, []])));
        const { matchedCount } = await stored.updateOne(wanted, {
          $set: { d: true, b: '', ...noKeys },
          $inc: { v: 1 },
          ...appending(outbox),
        });
        if (matchedCount === 1) {
          // Its events may have been cleared since the attempt above.
          if (outbox.length === 0) await settle(id);
          return 'deleted';
        }
        if (version === undefined) return 'absent';
        return (await stored.findOne({ _id: id, ...notDeleted })) === null ? 'absent' : 'conflict';
      }),

    find: (scan) => run(() => findRows(stored, scan)),

    count: (index, key) => run(() => stored.countDocuments(equalFilter(index, key))),

    pendingOutbox: (limit) =>
      run(async () => {
        const found = await stored
          .find({ p: { $gt: 0 } })
          .sort({ p: 1, _id: 1 })
          .limit(limit)
          .project<Pick<MongoDocument, '_id' | 'o'>>({ o: 1 })
          .toArray();
        const pending: PendingOutbox[] = [];
        for (const { _id, o } of found) {
          if (o.length > 0) pending.push({ id: _id, entries: o.map((entry) => JSON.parse(entry)) });
          // Whoever cleared it died before it could settle.
          else await queue(_id, () => settle(_id));
        }
        return pending;
      }),

    clearOutbox: (id, entryIds) =>
      write(id, async () => {
        const found = await stored.findOne({ _id: id }, { projection: { o: 1 } });
        const cleared = new Set(entryIds);
        const published = found?.o.filter((entry) => cleared.has(JSON.parse(entry).id)) ?? [];
        if (published.length === 0) return;
        await stored.updateOne({ _id: id }, { $pullAll: { o: published } });
        if (published.length === found?.o.length) await settle(id);
      }),
  };
  return adapter;
}

function appending(outbox: readonly OutboxEntry[]): UpdateFilter<MongoDocument> {
  if (outbox.length === 0) return {};
  return {
    $push: { o: { $each: outbox.map((entry) => JSON.stringify(entry)) } },
    $min: { p: Date.now() },
  };
}
