import { expect, test } from 'vitest';
import { openDatabase } from './index.ts';

const wrong = [
  '',
  'postgres://localhost/kerkis',
  'sqlite:',
  'sqlite:a\0b',
  'mongodb://',
  'mongodb://secret@host:99999/kerkis',
  'mongodb://host/two words',
  'mongodb://host/kerkis?noSuchOption=1',
  '/var/lib/kerkis.db',
];

test.each(wrong)('%j is not a database URL', async (url) => {
  const error = await openDatabase({ url }).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ kind: 'invalid', reason: 'DATABASE_URL_INVALID' });
  expect(String(error)).not.toContain('secret');
});

test('names that a database would not take are refused', async () => {
  await using database = await openDatabase({ url: 'sqlite::memory:' });
  for (const name of ['', 'Films', 'a"b', '$a', 'a.b', 'x'.repeat(64)]) {
    expect(() => database.collection({ name, indexes: {} })).toThrow('cannot name a collection');
  }
  for (const index of ['', 'a.b', '$a', '__proto__']) {
    const indexes = Object.fromEntries([[index, () => 'key']]);
    expect(() => database.collection({ name: 'films', indexes })).toThrow('cannot name an index');
  }
});

test('views of one collection share documents and listeners, and must agree on its indexes', async () => {
  await using database = await openDatabase({ url: 'sqlite::memory:' });
  const spec = { name: 'films', indexes: { id: ({ id }: { id: string }) => id } };
  let heard = 0;
  database.collection(spec).onOutbox(() => heard++);
  const event = { id: 'e', subject: 's', type: 't', data: '', headers: {} };
  await database.collection(spec).insert({ id: 'a' }, [event]);
  expect(heard).toBe(1);
  expect(() => database.collection({ name: 'films', indexes: {} })).toThrow('other indexes');
});
