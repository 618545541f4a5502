import { newId } from '@kerkis/ids';
import { expect, test } from 'vitest';
import { chooseEdge, rankEdges } from './rendezvous.ts';

const edges = Array.from({ length: 8 }, (_, i) => ({ id: newId('nod'), region: i < 2 ? 'eu' : 'us' }));
const ids = Array.from({ length: 2000 }, () => newId('pbk'));

test('spreads playback IDs evenly and moves only the share of an edge that goes', () => {
  const before = new Map(ids.map((id) => [id, rankEdges(edges, id, '')]));
  const shares = Map.groupBy(ids, (id) => before.get(id)?.[0]);
  expect(shares.size).toBe(8);
  for (const share of shares.values()) expect(share.length).toBeGreaterThan(120);
  const [gone, ...others] = edges;
  for (const id of ids) {
    const now = rankEdges(others.toReversed(), id, '');
    expect(now).toEqual(before.get(id)?.filter((edge) => edge !== gone));
  }
});

test('an edge has as many as it weighs, and takes more from all without moving others', () => {
  const [heavy, ...others] = edges;
  if (!heavy) throw new Error('there is none');
  const weighed = [{ ...heavy, weight: 300 }, ...others];
  const share = ids.filter((id) => chooseEdge(weighed, id, '')?.id === heavy.id).length / ids.length;
  // Three of ten.
  expect(share).toBeGreaterThan(0.25);
  expect(share).toBeLessThan(0.35);
  for (const id of ids) {
    const [before, now] = [chooseEdge(edges, id, ''), chooseEdge(weighed, id, '')];
    if (now?.id !== heavy.id) expect(now).toBe(before);
  }
});

test('prefers a region where it has an edge, and falls back to the others', () => {
  const [id = ''] = ids;
  expect(new Set(ids.map((each) => chooseEdge(edges, each, 'eu')?.region))).toEqual(new Set(['eu']));
  expect(rankEdges(edges, id, 'eu').map(({ region }) => region)).toEqual([
    'eu',
    'eu',
    ...Array(6).fill('us'),
  ]);
  expect(rankEdges(edges, id, 'asia')).toEqual(rankEdges(edges, id, ''));
  expect(chooseEdge([], id, '')).toBeUndefined();
});
