import { rm } from 'node:fs/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { startNats } from './index.ts';

for (const version of ['debian', 'current'] as const) {
  test(`${version}: a stream survives kill -9 and a restart, and is gone after a wipe`, async () => {
    await using nats = await startNats({ version });
    await withConnection(nats.url, async (connection) => {
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: 'KEPT', subjects: ['kept.>'] });
      await jetstream(connection).publish('kept.one', 'x');
    });
    await nats.kill();
    await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow();
    await nats.restart();
    expect(await messageCount(nats.url)).toBe(1);
    await nats.kill();
    await rm(nats.storeDir, { recursive: true });
    await nats.restart();
    await expect(messageCount(nats.url)).rejects.toThrow(/stream not found/);
  });
}

test('the current server has what the old one lacks', async () => {
  await using old = await startNats();
  await using current = await startNats({ version: 'current' });
  const versionOf = (url: string) =>
    withConnection(url, async (connection) => connection.info?.version.split('.').map(Number) ?? []);
  const [major, minor = 0] = await versionOf(current.url);
  expect(major).toBe(2);
  expect(minor).toBeGreaterThanOrEqual(10);
  expect((await versionOf(old.url))[0]).toBe(2);
});

async function messageCount(url: string): Promise<number> {
  return withConnection(url, async (connection) => {
    const manager = await jetstreamManager(connection);
    return (await manager.streams.info('KEPT')).state.messages;
  });
}

async function withConnection<T>(url: string, use: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: url });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}
