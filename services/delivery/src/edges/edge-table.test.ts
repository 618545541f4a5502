import { newId } from '@kerkis/ids';
import { expect, test } from 'vitest';
import { createEdgeTable } from './edge-table.ts';
import type { KnownEdge } from './known-edge.ts';

const edgeAt = (url: string, more: Partial<KnownEdge> = {}): KnownEdge => ({
  id: newId('nod'),
  url,
  region: '',
  weight: 0,
  isOrigin: false,
  notReadyReason: '',
  load: undefined,
  livePlaybackIds: [],
  ...more,
});

test('knows who was heard of lately and does not drain', () => {
  let nowMs = 0;
  const table = createEdgeTable({ leaseMs: 6_000, now: () => nowMs });
  const [a, b, broken] = [
    edgeAt('https://a.test'),
    edgeAt('http://b.test:8080/x'),
    edgeAt('javascript:alert(1)'),
  ];
  for (const each of [a, b, broken]) table.heard(each, false);
  expect(table.list()).toEqual([a, b]);
  nowMs = 4_000;
  table.heard(b, false);
  nowMs = 7_000;
  expect(table.list()).toEqual([b]);
  expect(table.route(newId('pbk'), '')).toEqual(b);
  table.heard(b, true);
  expect(table.all()).toEqual([{ edge: b, isDraining: true }]);
  expect(() => table.route(newId('pbk'), '')).toThrow(
    expect.objectContaining({ reason: 'NO_EDGE_AVAILABLE' }),
  );
});

test('nobody is forgotten while nobody can be heard', () => {
  let nowMs = 0;
  let isListening = true;
  const table = createEdgeTable({ leaseMs: 6_000, now: () => nowMs, isListening: () => isListening });
  const edge = edgeAt('https://a.test');
  table.heard(edge, false);
  isListening = false;
  nowMs = 1_000;
  expect(table.list()).toEqual([edge]);
  nowMs = 60_000;
  expect(table.list()).toEqual([edge]);
  isListening = true;
  expect(table.list()).toEqual([edge]);
  nowMs = 66_000;
  expect(table.list()).toEqual([]);
});

test('who is not ready or does not answer is left out as long as others are ready', () => {
  const cut = new Set<string>();
  const table = createEdgeTable({ leaseMs: 6_000, isCut: (id) => cut.has(id) });
  const [a, b] = [
    edgeAt('https://a.test'),
    edgeAt('https://b.test', { notReadyReason: 'OBJECTS_UNAVAILABLE' }),
  ];
  for (const each of [a, b]) table.heard(each, false);
  expect(table.list()).toEqual([a]);
  cut.add(a.id);
  expect(table.list().map(({ url, notReadyReason }) => [url, notReadyReason])).toEqual([
    ['https://a.test', 'UNREACHABLE'],
    ['https://b.test', 'OBJECTS_UNAVAILABLE'],
  ]);
});

test('live origins are named beside the edges, and instead of them when there are none', () => {
  const table = createEdgeTable({ leaseMs: 6_000 });
  const playbackId = newId('pbk');
  const origin = edgeAt('https://origin.test', { isOrigin: true, livePlaybackIds: [playbackId] });
  table.heard(origin, false);
  expect(table.route(playbackId, '')).toEqual(origin);
  expect(() => table.route(newId('pbk'), '')).toThrow(
    expect.objectContaining({ reason: 'NO_EDGE_AVAILABLE' }),
  );
  const edge = edgeAt('https://edge.test');
  table.heard(edge, false);
  expect(table.rank(playbackId, '')).toEqual({ edges: [edge], origins: [origin] });
  expect(table.route(playbackId, '')).toEqual(edge);
  expect(table.list()).toEqual([edge]);
});
