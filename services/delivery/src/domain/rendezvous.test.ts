import { newId } from '@kerkis/ids';
import { expect, test } from 'vitest';
import { chooseEdge } from './rendezvous.ts';

const edges = Array.from({ length: 8 }, (_, i) => ({ id: newId('nod'), region: i < 2 ? 'eu' : 'us' }));
const ids = Array.from({ length: 2000 }, () => newId('pbk'));

test('spreads playback IDs evenly and moves only the share of an edge that goes', () => {
  const before = new Map(ids.map((id) => [id, chooseEdge(edges, id, '')]));
  const shares = Map.groupBy(ids, (id) => before.get(id));
  expect(shares.size).toBe(8);
  for (const share of shares.values()) expect(share.length).toBeGreaterThan(120);
  const [gone, ...others] = edges;
  for (const id of ids) {
    const now = chooseEdge(others.toReversed(), id, '');
    if (before.get(id) !== gone) expect(now).toBe(before.get(id));
    else expect(now).not.toBe(gone);
  }
});

test('prefers a region where it has an edge', () => {
  expect(new Set(ids.map((id) => chooseEdge(edges, id, 'eu')?.region))).toEqual(new Set(['eu']));
  expect(chooseEdge(edges, ids[0] ?? '', 'asia')).toBe(chooseEdge(edges, ids[0] ?? '', ''));
  expect(chooseEdge([], ids[0] ?? '', '')).toBeUndefined();
});
