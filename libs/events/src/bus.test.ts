import { startNats, waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { connectEvents } from './index.ts';

test('a client that starts before the server connects when it is there', async () => {
  await using nats = await startNats();
  await nats.kill();
  let refusals = 0;
  const ignore = () => {};
  const logger = { debug: ignore, info: ignore, error: ignore, warn: () => void refusals++ };
  const connecting = connectEvents({ url: nats.url, name: 'early', logger });
  await waitUntil(() => refusals > 1);
  await nats.restart();
  await using bus = await connecting;
  expect(bus.ready()).toBe(true);
  await bus.ping();
});

test('a client that is told to stop gives up', async () => {
  await using nats = await startNats();
  await nats.kill();
  const signal = AbortSignal.timeout(100);
  await expect(connectEvents({ url: nats.url, name: 'stopped', signal })).rejects.toMatchObject({
    kind: 'cancelled',
  });
});

test('a disposed bus says so, and disposing twice or without a server does no harm', async () => {
  await using nats = await startNats();
  const bus = await connectEvents({ url: nats.url, name: 'disposed' });
  await bus[Symbol.asyncDispose]();
  await bus[Symbol.asyncDispose]();
  expect(bus.ready()).toBe(false);
  await expect(bus.ping()).rejects.toMatchObject({ reason: 'EVENTS_UNAVAILABLE' });
  const orphan = await connectEvents({ url: nats.url, name: 'orphan' });
  await nats.kill();
  await waitUntil(() => !orphan.ready());
  await orphan[Symbol.asyncDispose]();
});
