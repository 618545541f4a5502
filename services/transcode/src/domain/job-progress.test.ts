import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { ChunkState, type Job } from '@kerkis/contracts/transcode';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runningJob } from '../../test/example-plan.ts';
import { attemptFailed, type ChunkRecord } from './chunk.ts';
import { countChunks } from './count-chunks.ts';
import { type JobRecord, progressed } from './job.ts';
import { neverBack, progressNow } from './job-progress.ts';
import { hasOrder, withOrders } from './order-set.ts';

const failure = create(FailureSchema, { reason: 'SOME_FAILURE' });
const shape = { seconds: 60, hasVideo: true, hasAudio: true, segmentMs: 1000 };

function inState(record: ChunkRecord, state: ChunkState, segments: number): ChunkRecord {
  const stored = Object.fromEntries(record.chunk.tracks.map((track) => [track, segments]));
  const measure = { segmentCount: record.chunk.segmentCount, sizeBytes: 1, peakBandwidthBps: 1 };
  const isOver = state === ChunkState.FINISHED;
  return {
    ...record,
    chunk: { ...record.chunk, state },
    progress: isOver ? { stored: {}, speed: 0 } : { stored, speed: 2 },
    measured: isOver ? Object.fromEntries(record.chunk.tracks.map((track) => [track, measure])) : {},
  };
}

function view(job: JobRecord, chunks: readonly ChunkRecord[], now = new Date()): Job {
  const of = (state: ChunkState) => chunks.filter(({ chunk }) => chunk.state === state);
  const { QUEUED, RUNNING, FINISHED } = ChunkState;
  return progressNow(job, { queued: of(QUEUED), running: of(RUNNING), finished: of(FINISHED) }, now);
}

test('nothing is taken back, whenever chunks advance, fail, finish and are counted', () => {
  const step = fc.record({ chunk: fc.nat(), kind: fc.constantFrom('advance', 'fail', 'finish', 'count') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let { job, chunks } = runningJob(shape, 5);
      let before = view(job, chunks);
      for (const { chunk: at, kind } of steps) {
        const index = at % chunks.length;
        const one = chunks[index];
        if (!one) continue;
        const [track = ''] = one.chunk.tracks;
        if (kind === 'count') job = progressed(job, countChunks(job.tracks, chunks), new Date()) ?? job;
        else if (kind === 'fail') {
          const lost = attemptFailed(one, one.chunk.epoch, { failure, isFinal: false, now: new Date() });
          chunks = chunks.with(index, lost ?? one);
        } else if (one.chunk.state !== ChunkState.FINISHED) {
          const segments = Math.min(one.chunk.segmentCount, (one.progress.stored[track] ?? 0) + 1);
          const state = kind === 'finish' ? ChunkState.FINISHED : ChunkState.RUNNING;
          chunks = chunks.with(index, inState(one, state, segments));
        }
        const after = view(job, chunks);
        expect(after.progress).toBeGreaterThanOrEqual(before.progress);
        expect(after.progress).toBeLessThanOrEqual(1);
        after.tracks.forEach((each, i) => {
          expect(each.finishedSegmentCount).toBeGreaterThanOrEqual(
            before.tracks[i]?.finishedSegmentCount ?? 0,
          );
          expect(each.finishedSegmentCount).toBeLessThanOrEqual(each.segmentCount);
          expect(each.progress).toBe(each.finishedSegmentCount / each.segmentCount);
        });
        before = after;
      }
      const all = chunks.map((chunk) => inState(chunk, ChunkState.FINISHED, 0));
      expect(view(job, all).progress).toBeCloseTo(1);
    }),
    { numRuns: 200 },
  );
});

test('speed is that of running chunks, and what remains follows from the speed so far', () => {
  const { job, chunks } = runningJob(shape, 5);
  const headOf = (kind: string) => chunks.find(({ chunk }) => chunk.tracks[0]?.includes(kind));
  const [low, sound, high] = [headOf('96p'), headOf('audio'), headOf('180p')];
  if (!low || !sound || !high) throw new Error('there are three heads');
  const records = [
    inState(low, ChunkState.FINISHED, 0),
    inState(sound, ChunkState.RUNNING, 1),
    { ...inState(high, ChunkState.RUNNING, 1), extra: true },
  ];
  const now = new Date(job.startedAtMs + 10_000);
  const { speed, remainingMs, progress, tracks } = view(job, records, now);
  expect(speed).toBe(2);
  expect(Number(remainingMs)).toBeCloseTo((10_000 * (1 - progress)) / progress, -1);
  const named = (name: string | undefined) => tracks.find(({ track }) => track === name);
  const left = 60 - 1;
  expect(named(sound.chunk.tracks[0])).toMatchObject({ finishedSegmentCount: 1, speed: 2 });
  expect(Number(named(sound.chunk.tracks[0])?.remainingMs)).toBeCloseTo((left * 1000) / 2, -2);
  // What was made because somebody waited is not of the plan.
  expect(named(high.chunk.tracks[0])).toMatchObject({ finishedSegmentCount: 0, speed: 0, remainingMs: 0n });
  expect(view(job, records, new Date(job.startedAtMs)).remainingMs).toBe(0n);
});

test('a set of orders has what was put into it', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(2000))), (groups) => {
      const set = groups.reduce((before, orders) => withOrders(before, orders), '');
      const wanted = new Set(groups.flat());
      for (let order = 0; order < 2010; order++) expect(hasOrder(set, order)).toBe(wanted.has(order));
    }),
  );
});

test('a watcher is shown nothing twice within a run, and the next run from its beginning', () => {
  const { job, chunks } = runningJob(shape, 5);
  const [low] = chunks;
  if (!low) throw new Error('there is a head');
  const track = low.chunk.tracks[0];
  const asShown = neverBack();
  const doneOf = (seen: Job) => seen.tracks.find((each) => each.track === track)?.finishedSegmentCount;
  const first = asShown(view(job, [inState(low, ChunkState.RUNNING, 1)]), 1);
  // It was on its way from one state to the next while it was looked at.
  const missed = asShown(view(job, []), 1);
  expect([doneOf(first), doneOf(missed)]).toEqual([1, 1]);
  expect(missed.progress).toBe(first.progress);
  const next = asShown(view(job, []), 2);
  expect([doneOf(next), next.progress]).toEqual([0, 0]);
});
