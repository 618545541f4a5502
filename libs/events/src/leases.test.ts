import { waitUntil } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { natsVersions, startMesh } from '../test/fixture.ts';
import { openLeases } from './leases.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

test.each(natsVersions)('of two who write at once one succeeds (%s)', async (version) => {
  await using mesh = await startMesh(version);
  const open = (bus = mesh.bus) => openLeases(bus, { bucket: 'test_leases', ttlMs: 60_000 });
  const [mine, theirs] = [open(), open(await mesh.connect('other'))];
  expect(await mine.read('a')).toEqual({ revision: 0 });
  expect(await mine.list()).toEqual([]);

  const first = await Promise.allSettled([
    mine.write('a', bytes('me'), 0),
    theirs.write('a', bytes('them'), 0),
  ]);
  expect(first.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(first.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { kind: 'conflict', reason: 'LEASE_CONFLICT' },
  });

  const { revision } = await theirs.read('a');
  const next = await mine.write('a', bytes('again'), revision);
  await expect(theirs.write('a', bytes('late'), revision)).rejects.toMatchObject({
    reason: 'LEASE_CONFLICT',
  });
  await theirs.write('b', bytes('b'), 0);
  const listed = (await theirs.list()).map(({ key, value }) => [key, text(value)]);
  expect(listed.toSorted()).toEqual([
    ['a', 'again'],
    ['b', 'b'],
  ]);

  await expect(theirs.release('a', revision)).rejects.toMatchObject({ reason: 'LEASE_CONFLICT' });
  await mine.release('a', next);
  const free = await theirs.read('a');
  expect(free.value).toBeUndefined();
  expect((await theirs.list()).map(({ key }) => key)).toEqual(['b']);
  await theirs.write('a', bytes('taken over'), free.revision);
  expect(text((await mine.read('a')).value)).toBe('taken over');
});

test.each(natsVersions)(
  'a lease that is not written again ends; a store that is lost comes back (%s)',
  async (version) => {
    await using mesh = await startMesh(version);
    const leases = openLeases(mesh.bus, { bucket: 'test_leases', ttlMs: 1_000 });
    const revision = await leases.write('a', bytes('a'), 0);
    await waitUntil(async () => (await leases.read('a')).revision === 0);
    await expect(leases.write('a', bytes('a'), revision)).rejects.toMatchObject({ reason: 'LEASE_CONFLICT' });
    await leases.write('a', bytes('anew'), 0);

    await mesh.bus.manager.streams.delete('KV_test_leases');
    expect(await leases.list()).toEqual([]);
    await leases.write('a', bytes('once more'), 0);
    expect(text((await leases.read('a')).value)).toBe('once more');
  },
);
