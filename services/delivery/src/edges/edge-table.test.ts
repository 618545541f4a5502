import { newId } from '@kerkis/ids';
import { expect, test } from 'vitest';
import { createEdgeTable } from './edge-table.ts';

test('knows who was heard of lately and does not drain', () => {
  let nowMs = 0;
  const table = createEdgeTable(() => nowMs);
  const edge = (url: string) => ({ id: newId('nod'), url, region: '' });
  const [a, b, broken] = [edge('https://a.test'), edge('http://b.test:8080/x'), edge('javascript:alert(1)')];
  for (const each of [a, b, broken]) table.heard(each, false);
  expect(table.list()).toEqual([a, b]);
  nowMs = 6_000;
  table.heard(b, false);
  nowMs = 12_000;
  expect(table.list()).toEqual([b]);
  expect(table.route(newId('pbk'), '')).toEqual(b);
  table.heard(b, true);
  expect(() => table.route(newId('pbk'), '')).toThrow(
    expect.objectContaining({ reason: 'NO_EDGE_AVAILABLE' }),
  );
});
