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

test('silence counts while workers can be heard, not across a break', () => {
  let nowMs = 0;
  const table = createWorkerTable(() => nowMs);
  const a = worker([]);
  const hearUntil = (untilMs: number) => {
    while (nowMs < untilMs) {
      nowMs += 500;
      table.hearing();
    }
  };
  hearUntil(2_000);
  table.heard(a);
  hearUntil(5_000);
  expect(table.silentForMs(a.id)).toBe(3_000);
  expect(table.silentForMs('wrk_never_heard')).toBe(5_000);
  nowMs = 60_000;
  expect(table.silentForMs(a.id)).toBe(0);
  table.hearing();
  expect(table.silentForMs(a.id)).toBe(0);
  hearUntil(63_000);
  expect([table.silentForMs(a.id), table.silentForMs('wrk_never_heard')]).toEqual([3_000, 3_000]);
  table.heard(a);
  hearUntil(64_000);
  expect(table.silentForMs(a.id)).toBe(1_000);
  table.left(a.id);
  expect(table.silentForMs(a.id)).toBe(4_000);
});
