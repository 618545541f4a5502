import { type Collection, MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type MongoServer, startMongo } from './index.ts';

interface Entry {
  _id: string;
  version: number;
  state: string;
  tags: string[];
  rank: string;
}

let server: MongoServer;
let client: MongoClient;
let entries: Collection<Entry>;

beforeAll(async () => {
  server = await startMongo();
  client = await MongoClient.connect(server.url('testing'));
});

afterAll(async () => {
  await client?.close();
  await server?.[Symbol.asyncDispose]();
});

beforeEach(async (context) => {
  entries = client.db().collection<Entry>(`entries-${context.task.id}`);
  await entries.createIndex({ state: 1, _id: 1 });
  await entries.createIndex({ tags: 1 });
  await entries.insertMany([
    { _id: 'a', version: 1, state: 'READY', tags: ['x', 'y'], rank: '1' },
    { _id: 'b', version: 1, state: 'READY', tags: ['y'], rank: '2' },
    { _id: 'c', version: 1, state: 'FAILED', tags: [], rank: '3' },
  ]);
});

test('a second insert of an id is refused with code 11000', async () => {
  await expect(
    entries.insertOne({ _id: 'a', version: 1, state: '', tags: [], rank: '' }),
  ).rejects.toMatchObject({
    code: 11000,
  });
});

test('a write on a version condition changes the document once', async () => {
  const write = () => entries.updateOne({ _id: 'a', version: 1 }, { $set: { version: 2, state: 'GONE' } });
  expect((await write()).modifiedCount).toBe(1);
  expect((await write()).modifiedCount).toBe(0);
  const after = await entries.findOneAndUpdate(
    { _id: 'a', version: 2 },
    { $inc: { version: 1 }, $pull: { tags: 'x' } },
    { returnDocument: 'after' },
  );
  expect(after).toMatchObject({ version: 3, tags: ['y'] });
});

test('of concurrent writers on one version exactly one wins', async () => {
  const writes = Array.from({ length: 10 }, (_, n) =>
    entries.updateOne({ _id: 'b', version: 1 }, { $set: { version: 2, rank: `${n}` } }),
  );
  const changed = (await Promise.all(writes)).reduce((sum, result) => sum + result.modifiedCount, 0);
  expect(changed).toBe(1);
});

test('conditional updates of two clients at once lose nothing', async () => {
  await using other = await MongoClient.connect(server.url('testing'));
  const views = [entries, other.db().collection<Entry>(entries.collectionName)];
  const pushed: string[] = [];
  const push = async (view: Collection<Entry>, tag: string) => {
    const version = (await view.findOne({ _id: 'c' }))?.version ?? 0;
    const change = { $inc: { version: 1 }, $push: { tags: tag } };
    if ((await view.updateOne({ _id: 'c', version }, change)).matchedCount === 1) pushed.push(tag);
  };
  for (let round = 0; round < 20; round++) {
    await Promise.all(views.map((view, n) => push(view, `${round}-${n}`)));
  }
  const stored = await entries.findOne({ _id: 'c' });
  expect(stored?.tags.toSorted()).toEqual(pushed.toSorted());
  expect(stored?.version).toBe(1 + pushed.length);
});

test('arrays are found by their elements, ranges come sorted', async () => {
  const ids = (found: Entry[]) => found.map((entry) => entry._id);
  expect(ids(await entries.find({ tags: 'y' }).sort({ _id: 1 }).toArray())).toEqual(['a', 'b']);
  expect(
    ids(
      await entries
        .find({ rank: { $gte: '2', $lt: '9' } })
        .sort({ rank: -1, _id: -1 })
        .limit(2)
        .toArray(),
    ),
  ).toEqual(['c', 'b']);
  expect(await entries.countDocuments({ state: 'READY' })).toBe(2);
});
