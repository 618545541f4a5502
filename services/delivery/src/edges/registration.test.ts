import { rm } from 'node:fs/promises';
import { EdgeAnnouncedSchema } from '@kerkis/contracts/delivery/events';
import { connectEvents, openLeases, watchAnnouncements } from '@kerkis/events';
import { startTelemetry } from '@kerkis/telemetry';
import { startNats, waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { createHealth } from './health.ts';
import { decodeRecord, edgeBucket, markDrained } from './lease-record.ts';
import { edgeIdOf, startRegistration } from './registration.ts';

const url = 'http://edge.test:4400';
const id = edgeIdOf(url);

/** A NATS server, and processes that each want to be the edge at the same URL. */
async function fixture() {
  await using stack = new AsyncDisposableStack();
  const nats = stack.use(await startNats());
  const { logger } = stack.use(
    startTelemetry({ serviceName: 'delivery', version: '0', sampleRatio: 0, logLevel: 'fatal' }),
  );
  const connections = stack.use(new AsyncDisposableStack());
  const connect = async (name: string) => connections.use(await connectEvents({ url: nats.url, name }));
  const bus = await connect('onlooker');
  const leases = openLeases(bus, { bucket: edgeBucket, ttlMs: 6_000 });
  const heard: string[] = [];
  stack.use(watchAnnouncements(bus, EdgeAnnouncedSchema, ({ region }) => heard.push(region)));
  /** The region tells the processes apart. */
  const register = async (region: string) => {
    const own = await connect(region);
    const health = createHealth({ pingObjects: async () => {}, pingMs: 1_000, busy: () => 0 });
    return startRegistration({
      bus: own,
      leases: openLeases(own, { bucket: edgeBucket, ttlMs: 6_000 }),
      edge: { id, url, region, weight: 100 },
      renewMs: 50,
      report: health.report,
      logger,
    });
  };
  const holder = async () => decodeRecord((await leases.read(id)).value);
  const moved = stack.move();
  return { nats, leases, heard, register, holder, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

test('of two with the same id one is registered, and the other when that one ends', async () => {
  await using mesh = await fixture();
  const { heard, register, holder, leases } = mesh;
  const both = await Promise.all([register('a'), register('b')]);
  await waitUntil(() => heard.length > 10);
  const [first = ''] = heard;
  expect(new Set(heard)).toEqual(new Set([first]));
  expect((await holder())?.region).toBe(first);

  // The mark of a third one does not cost the holder its lease.
  await markDrained(leases, id, true);
  await waitUntil(async () => {
    const before = await leases.read(id);
    await waitUntil(async () => (await leases.read(id)).revision > before.revision);
    return (await holder())?.drained === true;
  });
  expect((await holder())?.region).toBe(first);

  const [a, b] = both;
  const [leaving, staying] = first === 'a' ? [a, b] : [b, a];
  await leaving?.[Symbol.asyncDispose]();
  const other = first === 'a' ? 'b' : 'a';
  await waitUntil(async () => (await holder())?.region === other);
  expect((await holder())?.drained).toBe(false);
  await staying?.[Symbol.asyncDispose]();
  expect(await holder()).toBeUndefined();
});

test('a lease is back by itself when NATS lost everything', async () => {
  await using mesh = await fixture();
  await using _edge = await mesh.register('a');
  await waitUntil(async () => (await mesh.holder()) !== undefined);
  await mesh.nats.kill();
  await rm(mesh.nats.storeDir, { recursive: true });
  await mesh.nats.restart();
  mesh.heard.length = 0;
  await waitUntil(async () => (await mesh.holder())?.region === 'a' && mesh.heard.length > 0);
});
