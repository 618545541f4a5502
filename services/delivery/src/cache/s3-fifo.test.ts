import fc from 'fast-check';
import { LRUCache } from 'lru-cache';
import { expect, test } from 'vitest';
import { createS3Fifo } from './s3-fifo.ts';

/** Hits of a hot set of 80 among 10,000 names that are asked for once each, where 100 have room. */
function hitsUnderScan(look: (key: string) => boolean): number {
  let hits = 0;
  for (let turn = 0; turn < 5; turn++) for (let i = 0; i < 80; i++) look(`hot ${i}`);
  for (let turn = 0; turn < 100; turn++) {
    for (let i = 0; i < 100; i++) look(`scan ${turn} ${i}`);
    for (let i = 0; i < 80; i++) if (look(`hot ${i}`)) hits += 1;
  }
  return hits;
}

test('a scan does not flush what is asked for again and again, as it does with least recently used', () => {
  const lru = new LRUCache<string, true>({ maxSize: 1_000, sizeCalculation: () => 10 });
  const fifo = createS3Fifo<true>({ capacityBytes: 1_000 });
  const hits = {
    lru: hitsUnderScan((key) => lru.get(key) ?? !lru.set(key, true)),
    fifo: hitsUnderScan((key) => {
      const isHit = fifo.get(key) ?? false;
      if (!isHit) fifo.set(key, true, 10);
      return isHit;
    }),
  };
  expect(hits.lru).toBe(0);
  expect(hits.fifo).toBe(8_000);
});

test('one entry as large as everything does not flush the rest either', () => {
  const cache = createS3Fifo<number>({ capacityBytes: 1_000 });
  for (let i = 0; i < 100; i++) cache.set(`${i}`, i, 10);
  for (let turn = 0; turn < 3; turn++) for (let i = 0; i < 100; i++) cache.get(`${i}`);
  expect(cache.set('large', 0, 900)).toBe(false);
  expect([cache.count, cache.sizeBytes]).toEqual([100, 1_000]);
  expect(cache.set('large', 0, 900)).toBe(true);
  expect(cache.set('too large', 0, 1_001)).toBe(false);
  expect(cache.peek('large')).toBe(0);
});

test('who comes back soon after it went stays longer', () => {
  const cache = createS3Fifo<string>({ capacityBytes: 100 });
  cache.set('a', 'a', 10);
  for (let i = 0; i < 10; i++) cache.set(`first ${i}`, '', 10);
  expect(cache.get('a')).toBeUndefined();
  cache.set('a', 'a', 10);
  for (let i = 0; i < 50; i++) cache.set(`second ${i}`, '', 10);
  expect(cache.get('a')).toBe('a');
});

test('what shrinks, is restored and is deleted', () => {
  const evicted: string[] = [];
  const cache = createS3Fifo<number>({ capacityBytes: 100, onEvicted: (key) => evicted.push(key) });
  for (let i = 0; i < 10; i++) expect(cache.restore(`${i}`, i, 10)).toBe(true);
  expect(cache.restore('no room', 0, 10)).toBe(false);
  expect(cache.restore('1', 1, 0)).toBe(false);
  cache.shrinkTo(70);
  expect(evicted).toEqual(['0', '1', '2']);
  expect(cache.delete('3')).toBe(true);
  expect(cache.delete('3')).toBe(false);
  expect([...cache.entries()].map(([key]) => key)).toEqual(['4', '5', '6', '7', '8', '9']);
  expect([cache.count, cache.sizeBytes]).toEqual([6, 60]);
});

test('the bounds hold, and what is told to be there is there, whatever is done', () => {
  const key = fc.integer({ min: 0, max: 30 }).map(String);
  const steps = fc.array(
    fc.oneof(
      fc.record({ put: key, sizeBytes: fc.integer({ min: 0, max: 130 }) }),
      fc.record({ get: key }),
      fc.record({ drop: key }),
    ),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 20 }), (taken, maxEntries) => {
      const there = new Map<string, number>();
      const cache = createS3Fifo<string>({
        capacityBytes: 100,
        maxEntries,
        onEvicted: (evicted, value, sizeBytes) => {
          expect([value, there.get(evicted)]).toEqual([evicted, sizeBytes]);
          there.delete(evicted);
        },
      });
      for (const step of taken) {
        if ('put' in step) {
          const { put, sizeBytes } = step;
          const former = there.get(put);
          if (former !== sizeBytes) there.delete(put);
          if (cache.set(put, put, sizeBytes)) there.set(put, sizeBytes);
        } else if ('get' in step)
          expect(cache.get(step.get)).toBe(there.has(step.get) ? step.get : undefined);
        else expect(cache.delete(step.drop)).toBe(there.delete(step.drop));
        expect(cache.sizeBytes).toBe([...there.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0));
        expect(cache.sizeBytes).toBeLessThanOrEqual(100);
        expect(cache.count).toBe(there.size);
        expect(there.size).toBeLessThanOrEqual(maxEntries);
      }
    }),
  );
});
