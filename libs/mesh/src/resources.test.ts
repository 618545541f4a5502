import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KerkisConfig, parseConfig } from '@kerkis/config';
import { UploadFailedSchema } from '@kerkis/contracts/upload/events';
import { event, startRelay } from '@kerkis/events';
import { startTelemetry } from '@kerkis/telemetry';
import { type NatsServer, startNats, tempDir } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createChangeFeed } from './change-feed.ts';
import { openResources } from './resources.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let nats: NatsServer;
let directory: string;

beforeAll(async () => {
  nats = stack.use(await startNats());
  directory = stack.use(await tempDir()).path;
});

const telemetry = stack.use(
  startTelemetry({ serviceName: 'test', version: '0', sampleRatio: 1, logLevel: 'silent' }),
);

const open = (config: KerkisConfig, natsUrl: string | undefined = nats.url) =>
  openResources({ config, telemetry, environment: {}, processName: 'test', natsUrl });

test('database and objects are opened when first asked for, once, and are ready from then on', async () => {
  await using resources = await open(parseConfig(`dataDirectory: ${join(directory, 'lazy')}`));
  const mesh = resources.meshFor('catalog');
  const names = () => resources.readiness().map(({ name }) => name);
  expect(names()).toEqual(['nats']);
  const [one, two] = await Promise.all([mesh.database(), resources.meshFor('upload').database()]);
  expect(one).toBe(two);
  expect(names()).toEqual(['nats', 'database']);
  await mesh.objects();
  expect(names()).toEqual(['nats', 'database', 'objects']);
  for (const { check } of resources.readiness()) await check(AbortSignal.timeout(5_000));
});

test('what could not be opened is opened at the next call', async () => {
  const blocked = join(directory, 'blocked');
  await writeFile(blocked, 'a file where the directory should be');
  await using resources = await open(parseConfig(`dataDirectory: ${blocked}`));
  const mesh = resources.meshFor('catalog');
  await expect(mesh.database()).rejects.toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
  expect(resources.readiness()).toHaveLength(1);
  await rm(blocked);
  await mkdir(blocked);
  await (await mesh.database()).ping();
});

test('disposing closes what was opened', async () => {
  const resources = await open(parseConfig(`dataDirectory: ${join(directory, 'closed')}`));
  const mesh = resources.meshFor('catalog');
  const database = await mesh.database();
  await resources[Symbol.asyncDispose]();
  await expect(database.ping()).rejects.toMatchObject({ kind: 'unavailable' });
  expect(mesh.bus.closed).toBe(true);
});

test('without NATS there is nothing to connect to', async () => {
  const config = parseConfig('{}');
  await expect(
    openResources({ config, telemetry, environment: {}, processName: 'test' }),
  ).rejects.toMatchObject({ reason: 'NATS_URL_MISSING' });
});

test('a change feed wakes who waits for the entity, and nobody else', async () => {
  await using resources = await open(parseConfig(`dataDirectory: ${join(directory, 'feed')}`));
  const { bus, database } = resources.meshFor('upload');
  using feed = createChangeFeed(bus, 'kerkis.event.upload.*.*', { pollMs: 30_000 });
  const outbox = (await database()).collection<{ id: string }>({ name: 'others', indexes: {} });
  await using relay = startRelay({ bus, collections: [outbox] });
  const tell = async (subjectId: string) => {
    const entry = event(UploadFailedSchema, { uploadId: subjectId }, { subjectId, source: 'upload' });
    await outbox.insert({ id: entry.id }, [entry]);
    await relay.flush();
  };
  const signal = new AbortController().signal;
  // The first wake-up may be the one of the connection; after it the feed listens.
  const connected = feed.next('upl_0', signal);
  for (let isAwake = false; !isAwake; ) {
    await tell('upl_0');
    isAwake = await Promise.race([
      connected.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 50)),
    ]);
  }
  const woken: string[] = [];
  const waiting = ['upl_1', 'upl_1', 'upl_2'].map(async (id) => {
    await feed.next(id, signal);
    woken.push(id);
  });
  await tell('upl_1');
  await Promise.all(waiting.slice(0, 2));
  expect(woken).toEqual(['upl_1', 'upl_1']);
  await tell('upl_2');
  await waiting[2];
});

test('a change feed also wakes by time, by the signal, and when it ends', async () => {
  await using resources = await open(parseConfig(`dataDirectory: ${join(directory, 'feed')}`));
  const { bus } = resources.meshFor('upload');
  const never = new AbortController().signal;
  const quick = createChangeFeed(bus, 'kerkis.event.upload.*.*', { pollMs: 10 });
  await quick.next('upl_1', never);
  quick[Symbol.dispose]();
  const slow = createChangeFeed(bus, 'kerkis.event.upload.*.*', { pollMs: 600_000 });
  const leaving = new AbortController();
  const left = slow.next('upl_1', leaving.signal);
  leaving.abort();
  await left;
  await slow.next('upl_1', leaving.signal);
  const last = slow.next('upl_1', never);
  slow[Symbol.dispose]();
  await last;
});
