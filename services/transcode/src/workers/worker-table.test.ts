import { create } from '@bufbuild/protobuf';
import { type Worker, WorkerSchema } from '@kerkis/contracts/transcode';
import { newId } from '@kerkis/ids';
import { expect, test } from 'vitest';
import { createWorkerTable } from './worker-table.ts';

const worker = (encoders: string[]): Worker => create(WorkerSchema, { id: newId('wrk'), slots: 2, encoders });

test('knows who was heard of lately and did not say goodbye', () => {
  let nowMs = 0;
  const table = createWorkerTable(() => nowMs);
  const [a, b, c] = [worker([]), worker([]), worker([])];
  for (const each of [c, a, b]) table.heard(each);
  const ids = () => table.list().map(({ worker: { id } }) => id);
  expect(ids()).toEqual([a.id, b.id, c.id]);
  table.left(c.id);
  expect(ids()).toEqual([a.id, b.id]);
  nowMs = 6_000;
  table.heard({ ...b, busySlots: 1 });
  nowMs = 10_001;
  expect(table.list()).toEqual([{ worker: { ...b, busySlots: 1 }, seenAt: new Date(6_000) }]);
  expect(table.listeningForMs()).toBe(10_001);
});

test('encoders are those of all workers that take chunks', () => {
  const table = createWorkerTable(() => 0);
  const [a, b] = [worker(['h264_nvenc', 'hevc_nvenc']), worker(['h264_nvenc', 'av1_vaapi'])];
  table.heard(a);
  table.heard(b);
  expect(table.encoders()).toEqual(['av1_vaapi', 'h264_nvenc', 'hevc_nvenc']);
  table.heard({ ...b, draining: true });
  expect(table.list()).toHaveLength(2);
  expect(table.encoders()).toEqual(['h264_nvenc', 'hevc_nvenc']);
});

test('an encoder is missed from when its last worker was heard of, or from the beginning', () => {
  let nowMs = 1_000;
  const table = createWorkerTable(() => nowMs);
  const a = worker(['h264_nvenc']);
  nowMs = 3_000;
  expect(table.missingForMs('h264_nvenc')).toBe(2_000);
  table.heard(a);
  nowMs = 13_000;
  expect(table.missingForMs('h264_nvenc')).toBe(0);
  nowMs = 13_001;
  expect(table.missingForMs('h264_nvenc')).toBe(10_001);
  expect(table.missingForMs('hevc_nvenc')).toBe(12_001);
  table.heard(a);
  nowMs = 14_000;
  table.heard({ ...a, draining: true });
  expect(table.missingForMs('h264_nvenc')).toBe(999);
});
