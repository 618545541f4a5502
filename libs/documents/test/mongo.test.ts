import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { freePort, startMongo } from '@kerkis/testing';
import { MongoClient } from 'mongodb';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../src/index.ts';
import { documentsContract } from './contract.ts';
import { event, type Film, failure, film, filmSpec } from './film.ts';
import { findModel } from './find-model.ts';

const server = await startMongo();
afterAll(() => server[Symbol.asyncDispose]());
const url = server.url('documents_contract');

documentsContract(() => openDatabase({ url }));
findModel(() => openDatabase({ url: server.url('documents_model') }), 15);

test('an outbox whose clearing was cut short does not block the others', async () => {
  await using database = await openDatabase({ url });
  const films = database.collection<Film>({ ...filmSpec, name: 'cut_short' });
  await films.insert(film('a'), [event('e1')]);
  await films.insert(film('b'), [event('e2')]);
  // As if the process had died between its two writes.
  const client = new MongoClient(url);
  await client
    .db()
    .collection<{ _id: string }>('cut_short')
    .updateOne({ _id: 'a' }, { $set: { o: [] } });
  await client.close();
  expect(await films.pendingOutbox(2)).toEqual([{ id: 'b', entries: [event('e2')] }]);
  expect(await films.pendingOutbox(1)).toEqual([{ id: 'b', entries: [event('e2')] }]);
});

test('a server that does not answer is unavailable until it does', async () => {
  const port = await freePort();
  const down = `mongodb://127.0.0.1:${port}/came_back?serverSelectionTimeoutMS=500`;
  await using database = await openDatabase({ url: down });
  expect(await failure(database.ping())).toMatchObject({
    kind: 'unavailable',
    reason: 'DATABASE_UNAVAILABLE',
  });
  const films = database.collection<Film>(filmSpec);
  for (const call of [films.get('a'), films.insert(film('a')), films.find({ limit: 1 })]) {
    expect(await failure(call)).toMatchObject({ kind: 'unavailable', reason: 'DATABASE_UNAVAILABLE' });
  }

  const target = Number(new URL(url).port);
  const bridge = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream])
      socket.on('error', () => [client, upstream].map((s) => s.destroy()));
  });
  bridge.listen(port, '127.0.0.1');
  await once(bridge, 'listening');
  await films.insert(film('a', { state: 'x' }));
  expect(await films.count({ index: 'state', equals: 'x' })).toBe(1);
  bridge.close();
});
