import { type EdgeAnnounced, EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { startNats, waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { announce, connectEvents, watchAnnouncements } from './index.ts';

const origin = { subjectId: 'nod_1', source: 'delivery' };

test('an announcement reaches everybody who listens, and nobody later', async () => {
  await using nats = await startNats();
  const errors: unknown[] = [];
  const ignore = () => {};
  const logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (facts: object) => void errors.push(facts),
  };
  await using bus = await connectEvents({ url: nats.url, name: 'edge' });
  await using other = await connectEvents({ url: nats.url, name: 'other', logger });
  const heard: EdgeAnnounced[] = [];
  using _here = watchAnnouncements(bus, EdgeAnnouncedSchema, (message) => void heard.push(message));
  const there = watchAnnouncements(other, EdgeAnnouncedSchema, (message) => void heard.push(message));
  await other.connection.flush();

  expect(
    announce(bus, EdgeAnnouncedSchema, { edgeId: 'nod_1', url: 'http://a', draining: true }, origin),
  ).toBe(true);
  await waitUntil(() => heard.length === 2);
  expect(heard[0]).toMatchObject({ edgeId: 'nod_1', url: 'http://a', region: '', draining: true });

  bus.connection.publish('kerkis.announce.delivery.edge', new Uint8Array([255, 255]));
  await waitUntil(() => errors.length === 1);
  there[Symbol.dispose]();
  announce(bus, EdgeAnnouncedSchema, { edgeId: 'nod_2' }, origin);
  await waitUntil(() => heard.length === 3);
  expect(heard[2]?.edgeId).toBe('nod_2');

  await nats.kill();
  await waitUntil(() => !bus.ready());
  expect(announce(bus, EdgeAnnouncedSchema, { edgeId: 'nod_1' }, origin)).toBe(false);
});
