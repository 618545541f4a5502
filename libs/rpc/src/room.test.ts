import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createRoom } from './room.ts';

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  isDestroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

const limits = { maxConnections: 100, maxConnectionsPerAddress: 2, trustedProxies: ['198.51.100.0/24'] };

function takenOf(addresses: readonly string[], room = createRoom(limits, () => 0)): boolean[] {
  return addresses.map((address) => room.take(new FakeSocket(address) as unknown as Socket));
}

test('an address has so many connections and no more, the /64 of IPv6 like one', () => {
  expect(takenOf(['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1', '192.0.2.2'])).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect(takenOf(['2001:db8::1', '2001:db8:0:0:ffff::2', '2001:db8::3', '2001:db8:0:1::1'])).toEqual([
    true,
    true,
    false,
    true,
  ]);
});

test('loopback and proxies have as many as there are', () => {
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '198.51.100.7'])
    expect(takenOf(Array.from({ length: 5 }, () => address))).toEqual(Array(5).fill(true));
});

test('a connection that closes gives its place back', () => {
  const room = createRoom(limits, () => 0);
  const first = new FakeSocket('192.0.2.1');
  expect(room.take(first as unknown as Socket)).toBe(true);
  expect(takenOf(['192.0.2.1', '192.0.2.1'], room)).toEqual([true, false]);
  first.emit('close');
  expect(takenOf(['192.0.2.1'], room)).toEqual([true]);
});

test('above all places one is free only where somebody was idle', () => {
  let idle = 1;
  const room = createRoom({ ...limits, maxConnections: 2 }, () => (idle-- > 0 ? 1 : 0));
  const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'];
  expect(takenOf(addresses, room)).toEqual([true, true, true, false]);
});
