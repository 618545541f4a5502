import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Collection, Database } from '../src/index.ts';
import { event, type Film, failure, film, filmSpec } from './film.ts';

/**
 * What every adapter must do. `open` gives a connection to the same, at first empty, database on each call, or, with
 * `lasting: false`, to a new one.
 */
export function documentsContract(open: () => Promise<Database>, { lasting = true } = {}): void {
  let database: Database;
  let number = 0;

  beforeAll(async () => {
    database = await open();
  });
  afterAll(() => database[Symbol.asyncDispose]());

  /** A collection of its own for one test. */
  const films = (): Collection<Film> => database.collection<Film>({ ...filmSpec, name: `films_${++number}` });

  test('a document comes back as it was stored', async () => {
    const collection = films();
    const odd = {
      id: 'a\\b"$.\0\u{1f600}',
      state: 'x',
      tags: [],
      extra: {
        $set: [
          [1.5, -0.25, 1e300],
          [null, true],
        ],
        'a.b': { '': 'ﬀ\ud800', __proto: 9007199254740991 },
      },
    };
    expect(await collection.insert(odd)).toEqual({ doc: odd, version: 1 });
    expect(await collection.get(odd.id)).toEqual({ doc: odd, version: 1 });
    expect(await collection.get('a')).toBeUndefined();
    const { items } = await collection.find({ prefix: 'a\\b"$.\0', limit: 10 });
    expect(items).toEqual([{ doc: odd, version: 1 }]);
  });

  test('an id is taken once', async () => {
    const collection = films();
    await collection.insert(film('a', { state: 'first' }), [event('e1')]);
    const again = collection.insert(film('a', { state: 'second' }), [event('e2')]);
    expect(await failure(again)).toMatchObject({ kind: 'already_exists', reason: 'DOCUMENT_EXISTS' });
    expect((await collection.get('a'))?.doc.state).toBe('first');
    expect(await collection.pendingOutbox(10)).toEqual([{ id: 'a', entries: [event('e1')] }]);
  });

  test('of many, those are stored whose id is free', async () => {
    const collection = films();
    expect(await collection.insertMissing([])).toBe(0);
    await collection.insert(film('b', { state: 'first' }));
    await collection.insert(film('gone'), [event('e1')]);
    await collection.delete('gone');
    const many = ['a', 'b', 'c', 'gone'].map((id) => film(id, { state: 'many', tags: ['x'] }));
    expect(await collection.insertMissing(many)).toBe(3);
    expect(await collection.insertMissing(many)).toBe(0);
    const { items } = await collection.find({ limit: 10 });
    expect(items.map(({ doc, version }) => [doc.id, doc.state, version])).toEqual([
      ['a', 'many', 1],
      ['b', 'first', 1],
      ['c', 'many', 1],
      ['gone', 'many', 1],
    ]);
    const tagged = await collection.find({ index: 'tag', equals: 'x', limit: 10 });
    expect(tagged.items.map(({ doc }) => doc.id)).toEqual(['a', 'c', 'gone']);
    expect(await collection.pendingOutbox(10)).toEqual([{ id: 'gone', entries: [event('e1')] }]);
    const refused = collection.insertMissing([film('d'), film('')]);
    expect(await failure(refused)).toMatchObject({ reason: 'DOCUMENT_KEY_INVALID' });
    expect(await collection.get('d')).toBeUndefined();
  });

  test('replace needs the version that was read, and writes nothing without it', async () => {
    const collection = films();
    const first = await collection.insert(film('a'));
    const second = await collection.replace({ doc: film('a', { state: 'b' }), version: first.version });
    expect(second.version).toBe(2);
    const stale = collection.replace({ doc: film('a', { state: 'c', tags: ['x'] }), version: 1 }, [
      event('e'),
    ]);
    expect(await failure(stale)).toMatchObject({ kind: 'conflict', reason: 'VERSION_CONFLICT' });
    expect(await collection.get('a')).toEqual(second);
    expect(await collection.count({ index: 'tag', equals: 'x' })).toBe(0);
    expect(await collection.pendingOutbox(10)).toEqual([]);
    const nobody = collection.replace({ doc: film('b'), version: 1 });
    expect(await failure(nobody)).toMatchObject({ reason: 'VERSION_CONFLICT' });
    expect(await collection.get('b')).toBeUndefined();
  });

  test('update changes, leaves alone, and knows when there is nothing', async () => {
    const collection = films();
    await collection.insert(film('a'));
    const changed = await collection.update('a', (doc) => ({
      doc: { ...doc, state: 'b' },
      outbox: [event('e')],
    }));
    expect(changed).toEqual({ doc: film('a', { state: 'b' }), version: 2 });
    expect(await collection.update('a', () => undefined)).toEqual(changed);
    expect(await collection.update('nobody', (doc) => ({ doc }))).toBeUndefined();
    const renamed = collection.update('a', (doc) => ({ doc: { ...doc, id: 'b' } }));
    expect(await failure(renamed)).toMatchObject({ reason: 'DOCUMENT_ID_CHANGED' });
    const thrown = collection.update('a', () => {
      throw new RangeError('no');
    });
    expect(await failure(thrown)).toBeInstanceOf(RangeError);
    expect((await collection.pendingOutbox(10))[0]?.entries).toEqual([event('e')]);
  });

  test('50 parallel updates of one document lose none', async () => {
    const collection = films();
    await collection.insert(film('a'));
    const add = (tag: string) => (doc: Film) => ({
      doc: { ...doc, tags: [...doc.tags, tag] },
      outbox: [event(tag)],
    });
    await Promise.all(Array.from({ length: 50 }, (_, n) => collection.update('a', add(`t${n}`))));
    const stored = await collection.get('a');
    expect(stored?.version).toBe(51);
    expect(new Set(stored?.doc.tags).size).toBe(50);
    expect((await collection.pendingOutbox(1))[0]?.entries).toHaveLength(50);
    expect(await collection.count({ index: 'tag', equals: 't49' })).toBe(1);
  });

  test('keys follow the document', async () => {
    const collection = films();
    await collection.insert(film('a', { tags: ['x', 'y', 'y'] }));
    await collection.update('a', (doc) => ({ doc: { ...doc, tags: ['y', 'z'] } }));
    const counts = await Promise.all(
      ['x', 'y', 'z'].map((equals) => collection.count({ index: 'tag', equals })),
    );
    expect(counts).toEqual([0, 1, 1]);
    await collection.update('a', (doc) => ({ doc: { ...doc, tags: ['z'] } }));
    expect((await collection.find({ index: 'tag', limit: 9 })).items).toHaveLength(1);
    await collection.update('a', (doc) => ({ doc: { ...doc, tags: [] } }));
    expect((await collection.find({ index: 'tag', limit: 9 })).items).toEqual([]);
  });

  test('pages are stable while others insert', async () => {
    const collection = films();
    for (const n of [1, 3, 5, 7]) await collection.insert(film(`f${n}`, { state: 'same' }));
    const query = { index: 'state', equals: 'same', limit: 2 };
    const first = await collection.find(query);
    expect(first.items.map(({ doc }) => doc.id)).toEqual(['f1', 'f3']);
    await collection.insert(film('f2', { state: 'same' }));
    await collection.insert(film('f6', { state: 'same' }));
    await collection.delete('f3');
    const second = await collection.find({ ...query, limit: 9, pageToken: first.nextPageToken });
    expect(second.items.map(({ doc }) => doc.id)).toEqual(['f5', 'f6', 'f7']);
    expect(second.nextPageToken).toBeUndefined();
  });

  test('a page token serves its own query only', async () => {
    const collection = films();
    for (const id of ['a', 'b', 'c']) await collection.insert(film(id));
    const token = (await collection.find({ limit: 1 })).nextPageToken ?? '';
    const flipped = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    const forged = Buffer.from('["a",{"$gt":""},"x"]').toString('base64url');
    for (const pageToken of [flipped, forged, `${token}=`, 'ÿ', 'e30', 'x'.repeat(9000)]) {
      const error = await failure(collection.find({ limit: 1, pageToken }));
      expect(error).toMatchObject({ kind: 'invalid', reason: 'PAGE_TOKEN_INVALID' });
    }
    for (const other of [{ order: 'desc' }, { index: 'state' }, { prefix: 'a' }] as const) {
      const error = await failure(collection.find({ ...other, limit: 1, pageToken: token }));
      expect(error).toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
    }
  });

  test('events wait in order until they are cleared', async () => {
    const collection = films();
    await collection.insert(film('z'), [event('z1')]);
    await sleep(2);
    await collection.insert(film('a'), [event('a1'), event('a2')]);
    await collection.insert(film('quiet'));
    await collection.update('z', (doc) => ({ doc, outbox: [event('z2')] }));
    expect(await collection.pendingOutbox(1)).toEqual([{ id: 'z', entries: [event('z1'), event('z2')] }]);
    await collection.clearOutbox('z', ['z1', 'unknown']);
    await collection.clearOutbox('nobody', ['z1']);
    const pending = await collection.pendingOutbox(10);
    expect(pending.map(({ id }) => id).sort()).toEqual(['a', 'z']);
    await collection.clearOutbox('z', ['z2']);
    expect(await collection.pendingOutbox(10)).toEqual([{ id: 'a', entries: [event('a1'), event('a2')] }]);
    expect((await collection.get('z'))?.version).toBe(2);
    await collection.clearOutbox('a', ['a2', 'a1']);
    expect(await collection.pendingOutbox(10)).toEqual([]);
  });

  test('appending and clearing at once loses no event', async () => {
    const collection = films();
    await collection.insert(film('a'), [event('e0')]);
    const published: string[] = [];
    const publish = async () => {
      for (const { id, entries } of await collection.pendingOutbox(10)) {
        published.push(...entries.map((entry) => entry.id));
        await collection.clearOutbox(
          id,
          entries.map((entry) => entry.id),
        );
      }
    };
    for (let n = 1; n <= 20; n++) {
      await Promise.all([publish(), collection.update('a', (doc) => ({ doc, outbox: [event(`e${n}`)] }))]);
    }
    await publish();
    expect(new Set(published)).toEqual(new Set(Array.from({ length: 21 }, (_, n) => `e${n}`)));
    expect(await collection.pendingOutbox(10)).toEqual([]);
  });

  test('a deleted document is gone, its events are not', async () => {
    const collection = films();
    await collection.insert(film('a', { tags: ['x', 'y'] }), [event('e1')]);
    expect(await failure(collection.delete('a', 7))).toMatchObject({ reason: 'VERSION_CONFLICT' });
    expect(await collection.delete('a', 1, [event('e2')])).toBe(true);
    expect(await collection.delete('a')).toBe(false);
    expect(await collection.delete('a', 1)).toBe(false);
    expect(await collection.get('a')).toBeUndefined();
    expect((await collection.find({ limit: 9 })).items).toEqual([]);
    expect((await collection.find({ index: 'tag', limit: 9 })).items).toEqual([]);
    expect(await collection.update('a', (doc) => ({ doc }))).toBeUndefined();
    expect(await collection.pendingOutbox(9)).toEqual([{ id: 'a', entries: [event('e1'), event('e2')] }]);
    await collection.insert(film('a', { state: 'again' }), [event('e3')]);
    expect((await collection.get('a'))?.doc.state).toBe('again');
    await collection.clearOutbox('a', ['e1', 'e2', 'e3']);
    expect((await collection.get('a'))?.doc.state).toBe('again');
    expect(await collection.delete('a')).toBe(true);
    expect(await collection.pendingOutbox(9)).toEqual([]);
    expect((await collection.insert(film('a'))).version).toBe(1);
  });

  test('listeners hear of new events only', async () => {
    const collection = films();
    let heard = 0;
    const listening = collection.onOutbox(() => heard++);
    await collection.insert(film('a'));
    await collection.clearOutbox('a', ['e']);
    expect(heard).toBe(0);
    await collection.insert(film('b'), [event('e1')]);
    await collection.update('b', (doc) => ({ doc, outbox: [event('e2')] }));
    await collection.delete('b', undefined, [event('e3')]);
    await failure(collection.insert(film('a'), [event('e4')]));
    expect(heard).toBe(3);
    listening[Symbol.dispose]();
    await collection.insert(film('c'), [event('e5')]);
    expect(heard).toBe(3);
  });

  test('what cannot be stored is refused with the reason', async () => {
    const collection = films();
    const big = film('a', { extra: 'é'.repeat(4 * 1024 * 1024) });
    expect(await failure(collection.insert(big))).toMatchObject({
      kind: 'too_large',
      reason: 'DOCUMENT_TOO_LARGE',
      details: { maxBytes: '8388608' },
    });
    expect(await failure(collection.insert(film('a', { extra: 1n })))).toMatchObject({
      reason: 'DOCUMENT_NOT_JSON',
    });
    for (const bad of [film(''), film('\ud800'), film('i'.repeat(513)), film('a', { tags: ['\udc00'] })]) {
      expect(await failure(collection.insert(bad))).toMatchObject({ reason: 'DOCUMENT_KEY_INVALID' });
    }
    for (const limit of [0, 1001, 1.5, Number.NaN]) {
      expect(await failure(collection.find({ limit }))).toMatchObject({ reason: 'QUERY_INVALID' });
    }
    expect(await failure(collection.find({ prefix: '\ud800', limit: 1 }))).toMatchObject({
      reason: 'QUERY_INVALID',
    });
    expect(await failure(collection.find({ index: 'none', limit: 1 }))).toMatchObject({
      reason: 'INDEX_UNKNOWN',
    });
    expect((await collection.find({ limit: 1 })).items).toEqual([]);
  });

  test('nearly 8 MiB is stored', async () => {
    const collection = films();
    const big = film('a', { extra: 'x'.repeat(8 * 1024 * 1024 - 200) });
    await collection.insert(big);
    expect((await collection.get('a'))?.doc).toEqual(big);
  });

  test.runIf(lasting)('an index that is new is filled with what is stored', async () => {
    const name = `films_${++number}`;
    const old = database.collection<Film>({ name, indexes: { state: filmSpec.indexes.state } });
    for (const id of ['a', 'b', 'c']) await old.insert(film(id, { state: 's', tags: [id, 'all'] }));
    await old.delete('c', undefined, [event('e')]);
    await using later = await open();
    const collection = later.collection<Film>({ ...filmSpec, name });
    expect(await collection.count({ index: 'tag', equals: 'all' })).toBe(2);
    expect(await collection.count({ index: 'state', equals: 's' })).toBe(2);
    const { items } = await collection.find({ index: 'tag', prefix: 'b', limit: 9 });
    expect(items).toEqual([{ doc: film('b', { state: 's', tags: ['b', 'all'] }), version: 1 }]);
  });

  test.runIf(lasting)('another connection sees what was written', async () => {
    const name = `films_${++number}`;
    const here = database.collection<Film>({ ...filmSpec, name });
    await here.insert(film('a', { tags: ['x', 'y'] }), [event('e')]);
    await here.update('a', (doc) => ({ doc: { ...doc, state: 'b' } }));
    await using later = await open();
    await later.ping();
    const there = later.collection<Film>({ ...filmSpec, name });
    expect(await there.get('a')).toEqual({ doc: film('a', { state: 'b', tags: ['x', 'y'] }), version: 2 });
    expect(await there.pendingOutbox(1)).toEqual([{ id: 'a', entries: [event('e')] }]);
    const both = [here, there].flatMap((side) => Array.from({ length: 10 }, () => side));
    await Promise.all(
      both.map((side, n) => side.update('a', (doc) => ({ doc: { ...doc, tags: [...doc.tags, `n${n}`] } }))),
    );
    expect((await here.get('a'))?.doc.tags).toHaveLength(22);
  });

  test('a closed database is unavailable', async () => {
    const closed = await open();
    const collection = closed.collection<Film>({ ...filmSpec, name: `films_${++number}` });
    await collection.insert(film('a'));
    await closed[Symbol.asyncDispose]();
    await closed[Symbol.asyncDispose]();
    for (const call of [collection.get('a'), collection.insert(film('b')), closed.ping()]) {
      expect(await failure(call)).toMatchObject({ kind: 'unavailable', reason: 'DATABASE_UNAVAILABLE' });
    }
  });
}
