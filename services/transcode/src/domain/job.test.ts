import { create } from '@bufbuild/protobuf';
import { ArtefactsSchema, FailureSchema } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exampleJob, examplePlan } from '../../test/example-plan.ts';
import {
  beingPlanned,
  cancelled,
  cleanedUp,
  cleaning,
  failed,
  finished,
  hasEnded,
  type JobRecord,
  planFailed,
  planned,
  progressed,
  restarted,
  restartedWithout,
} from './job.ts';

const plan = examplePlan({ seconds: 4, hasVideo: true, hasAudio: true, segmentMs: 1000 });
const failure = create(FailureSchema, { reason: 'FFMPEG_FAILED' });
const countOf = (record: JobRecord, chunks: number) => ({
  finishedChunks: chunks,
  finishedOrders: Array.from({ length: chunks }, (_, order) => order),
  finishedSegments: new Map(record.tracks.map(({ name }) => [name, chunks])),
  completeTracks: chunks < 4 ? [] : record.tracks.map((track) => ({ ...track, complete: true })),
  retries: 0,
});

type Operation = (record: JobRecord, now: Date, amount: number) => JobRecord | undefined;
const operations: Record<string, Operation> = {
  plan: (record, now) => planned(record, plan, { chunkSeconds: 1, chunkCount: 4 }, now),
  touch: (record, now) => beingPlanned(record, now),
  planFailed: (record, now) => planFailed(record, now),
  count: (record, now, amount) => progressed(record, countOf(record, amount), now),
  finish: (record, now) => finished(record, create(ArtefactsSchema), now),
  fail: (record, now) => failed(record, failure, now),
  cancel: (record, now) => cancelled(record, failure, now),
  clean: (record, now, amount) => cleaning(record, now.getTime() + amount, now),
  cleaned: (record, now, amount) => cleanedUp(record, record.cleanUpUntilMs + (amount > 0 ? 1 : 0), now),
  restart: (record, now) => restarted(record, now),
  leaveHardware: (record, now) => restartedWithout(record, 'withoutHardware', failure, now),
  leaveCopy: (record, now) => restartedWithout(record, 'withoutCopy', failure, now),
};

const step = fc.record({
  name: fc.constantFrom(...Object.keys(operations)),
  amount: fc.nat(4),
  passMs: fc.nat(10),
});

test('no sequence of operations leaves the states that a job may be in', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let nowMs = Date.now();
      let record = exampleJob(new Date(nowMs));
      for (const { name, amount, passMs } of steps) {
        nowMs += passMs;
        const next = operations[name]?.(record, new Date(nowMs), amount);
        if (!next) continue;
        const isOver = hasEnded(record.job);
        if (record.job.state === JobState.FINISHED) expect(next.job.state).toBe(JobState.FINISHED);
        if (isOver && !hasEnded(next.job)) {
          expect(name).toBe('restart');
          expect(record.needsCleanUp).toBe(false);
          expect(next.run).toBe(record.run + 1);
        } else {
          const isNextRun = name === 'cleaned' && record.job.state === JobState.PENDING;
          expect(next.run).toBe(record.run + Number(isNextRun));
        }
        // Nothing is made of a job while its segments are being deleted.
        if (next.needsCleanUp) expect([JobState.RUNNING, JobState.FINISHED]).not.toContain(next.job.state);
        expect(next.plan !== undefined).toBe(next.tracks.length > 0);
        expect(next.job.failure !== undefined).toBe(
          next.job.state === JobState.FAILED || next.job.state === JobState.CANCELLED,
        );
        expect(next.job.endTime !== undefined).toBe(hasEnded(next.job));
        if (next.job.state === JobState.FINISHED)
          expect(next.tracks.every((each) => each.complete)).toBe(true);
        if (name === 'count') {
          expect(next.job.progress).toBeGreaterThanOrEqual(record.job.progress);
          expect(next.tracks.filter(({ complete }) => complete).length).toBeGreaterThanOrEqual(
            record.tracks.filter(({ complete }) => complete).length,
          );
        }
        record = next;
      }
    }),
    { numRuns: 2_000 },
  );
});

test('one process cleans up at a time, and who was overtaken does not say that it is done', () => {
  const now = new Date();
  const over = cancelled(exampleJob(now), failure, now) ?? exampleJob(now);
  const first = cleaning(over, now.getTime() + 100, now) ?? over;
  expect(cleaning(first, now.getTime() + 200, now)).toBeUndefined();
  const later = new Date(now.getTime() + 100);
  const second = cleaning(first, later.getTime() + 100, later) ?? first;
  expect(cleanedUp(second, now.getTime() + 100, later)).toBeUndefined();
  expect(cleanedUp(second, later.getTime() + 100, later)).toMatchObject({ needsCleanUp: false });
});
