import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { tempDir } from '@kerkis/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../src/index.ts';
import { documentsContract } from './contract.ts';
import { event, type Film, failure, film, filmSpec } from './film.ts';
import { findModel } from './find-model.ts';

const directory = await tempDir('documents');
afterAll(() => directory[Symbol.asyncDispose]());
const source = JSON.stringify(new URL('../src/index.ts', import.meta.url).href);
const fileUrl = (name: string) => `sqlite:${join(directory.path, name)}`;

describe('a file', () => {
  const open = () => openDatabase({ url: fileUrl('new folder/contract.db') });
  documentsContract(open);
  findModel(open, 20);
});

describe('in memory', () => {
  const open = () => openDatabase({ url: 'sqlite::memory:' });
  documentsContract(open, { lasting: false });
  findModel(open, 150);

  test('two databases in memory are apart, and each is empty after it was closed', async () => {
    await using one = await openDatabase({ url: 'sqlite::memory:' });
    await using two = await openDatabase({ url: 'sqlite::memory:' });
    await one.collection(filmSpec).insert(film('a'));
    expect(await two.collection<Film>(filmSpec).get('a')).toBeUndefined();
  });
});

test('what a killed process had written is there afterwards', async () => {
  const url = fileUrl('killed.db');
  const script = `
    const { openDatabase } = await import(${source});
    const database = await openDatabase({ url: ${JSON.stringify(url)} });
    const films = database.collection({ name: 'films', indexes: { tag: (film) => film.tags } });
    for (let n = 0; n < 100; n++) {
      await films.insert({ id: 'f' + n, tags: ['x'] }, [${JSON.stringify(event('e'))}]);
    }
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  expect(child).toMatchObject({ signal: 'SIGKILL', stderr: '' });
  await using database = await openDatabase({ url });
  const films = database.collection<Film>({ name: 'films', indexes: { tag: ({ tags }) => tags } });
  expect(await films.count({ index: 'tag', equals: 'x' })).toBe(100);
  expect(await films.pendingOutbox(1000)).toHaveLength(100);
});

const smallDisk = ['--user', '--map-root-user', '--mount', 'sh', '-c'];
const mounts = spawnSync('unshare', [...smallDisk, 'mount -t tmpfs tmpfs /mnt']).status === 0;
if (!mounts) console.warn('SKIPPED: the full disk. This machine does not let a user mount a tmpfs.');

test.skipIf(!mounts)('a full disk is told as such, and nothing is half-written', async () => {
  const mount = join(directory.path, 'small');
  await mkdir(mount);
  const url = `sqlite:${join(mount, 'full.db')}`;
  const script = `
    const { openDatabase } = await import(${source});
    const database = await openDatabase({ url: ${JSON.stringify(url)} });
    const films = database.collection({ name: 'films', indexes: { tag: (film) => film.tags } });
    const outcomes = new Set();
    let stored = 0;
    for (let n = 0; n < 100; n++) {
      const film = { id: 'f' + n, tags: ['x', 'y'], extra: 'x'.repeat(50_000) };
      const [kind, reason] = await films.insert(film).then(() => [], (error) => [error.kind, error.reason]);
      if (kind) outcomes.add(kind + ' ' + reason); else stored++;
    }
    const count = await films.count({ index: 'tag', equals: 'y' });
    console.log(JSON.stringify({ outcomes: [...outcomes], agree: stored === count, some: stored > 2 && stored < 100 }));`;
  const command = `mount -t tmpfs -o size=2m tmpfs "$1" && shift && exec "$@"`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const child = spawnSync('unshare', [...smallDisk, command, 'sh', mount, ...node], { encoding: 'utf8' });
  expect(child.stderr).toBe('');
  expect(JSON.parse(child.stdout)).toEqual({ outcomes: ['exhausted STORAGE_FULL'], agree: true, some: true });
});

test('what is not a database is refused', async () => {
  await writeFile(join(directory.path, 'text.db'), 'This is text, not a database. '.repeat(100));
  expect(await failure(openDatabase({ url: fileUrl('text.db') }))).toMatchObject({
    kind: 'data_loss',
    reason: 'DATABASE_CORRUPT',
  });
  await mkdir(join(directory.path, 'folder.db'));
  for (const name of ['folder.db', 'text.db/below.db']) {
    expect(await failure(openDatabase({ url: fileUrl(name) }))).toMatchObject({
      kind: 'unavailable',
      reason: 'DATABASE_UNAVAILABLE',
    });
  }
});

test('a file of a later layout is refused', async () => {
  const raw = new DatabaseSync(join(directory.path, 'later.db'));
  raw.exec('PRAGMA user_version = 99');
  raw.close();
  expect(await failure(openDatabase({ url: fileUrl('later.db') }))).toMatchObject({
    reason: 'DATABASE_TOO_NEW',
  });
});
