import { create, toJson } from '@bufbuild/protobuf';
import { ProfileSchema } from '@kerkis/contracts/media';
import { JobState } from '@kerkis/contracts/transcode';
import { SourceArrivingSchema } from '@kerkis/contracts/upload/events';
import { expect, test } from 'vitest';
import { examplePlan } from '../../test/example-plan.ts';
import { planChunks } from '../domain/plan-chunks.ts';
import { segmentCountOf, trackRuns } from '../domain/track-runs.ts';
import { readyChunks } from './early-chunks.ts';
import {
  arrived,
  asJob,
  closed,
  type EarlyJob,
  ending,
  lookedAt,
  looking,
  newEarlyJob,
} from './early-job.ts';

const now = new Date();
const arriving = (arrivedBytes: number, multipartId = 'a') =>
  create(SourceArrivingSchema, { uploadId: 'upl_1', arrivedBytes: BigInt(arrivedBytes), multipartId });
const begun = () => newEarlyJob(arriving(1000), toJson(ProfileSchema, create(ProfileSchema, { name: 'p' })));
const plan = examplePlan({ seconds: 120, hasVideo: true, hasAudio: true, segmentMs: 2000 });
const needs = { stepSeconds: 30, bytes: [1000, 2000, 3000, 4000] };

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is undefined');
  return value;
}

test('a source is looked at by one at a time, again when there is more, and not for ever', () => {
  const first = present(looking(begun(), now.getTime() + 1000, now));
  expect(looking(first, 1, now)).toBeUndefined();
  let job: EarlyJob = lookedAt(first, { atBytes: 1000 });
  expect(looking(job, 1, now)).toBeUndefined();
  job = present(arrived(job, arriving(1100)));
  expect(looking(job, 1, now)).toBeUndefined();
  let looks = 0;
  for (let bytes = 1200; looks < 1000; bytes *= 2) {
    job = arrived(job, arriving(bytes)) ?? job;
    if (!looking(job, 1, now)) break;
    job = lookedAt(job, { atBytes: bytes });
    looks++;
  }
  expect(looks).toBeGreaterThan(10);
  expect(looks).toBeLessThan(40);
  expect(looking(lookedAt(begun(), { atBytes: 1, isHopeless: true }), 1, now)).toBeUndefined();
});

test('where an index tells of everything, each byte more tells how much is ready, without another look', () => {
  const early = { plan, chunkSeconds: 8, needs, readySeconds: 0 };
  const job = lookedAt(begun(), { atBytes: 1000, early });
  expect(job.early?.readySeconds).toBe(30);
  const more = present(arrived(job, arriving(3500)));
  expect(more.early?.readySeconds).toBe(90);
  expect(looking(more, 1, now)).toBeUndefined();
  expect(arrived(more, arriving(3500))).toBeUndefined();
});

test('other bytes than before end it, and what has ended hears nothing more', () => {
  expect(arrived(begun(), arriving(2000, 'b'))?.state).toBe('ending');
  const whole = present(closed(begun()));
  expect([arrived(whole, arriving(2000)), closed(whole), looking(whole, 1, now)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(ending(present(ending(whole)))).toBeUndefined();
});

test('workers see a job that runs as long as it is wanted', () => {
  const job = lookedAt(begun(), { atBytes: 1, early: { plan, chunkSeconds: 8, readySeconds: 60 } });
  const states = [begun(), job, present(closed(job)), present(ending(job))].map(
    (each) => asJob(each).job.state,
  );
  expect(states).toEqual([JobState.CANCELLED, JobState.RUNNING, JobState.RUNNING, JobState.CANCELLED]);
});

test('only chunks that are wholly there, and that no longer source would cut otherwise, are ready', () => {
  const all = planChunks(plan, 8);
  const runs = trackRuns(plan);
  const isLast = ({ tracks, firstSegment, segmentCount }: (typeof all)[number]) =>
    firstSegment + segmentCount > segmentCountOf(runs.get(tracks[0] ?? '')?.runs ?? []);
  const ready = (readySeconds: number, isOpen: boolean) =>
    readyChunks(
      lookedAt(begun(), {
        atBytes: 1000,
        early: {
          plan,
          chunkSeconds: 8,
          readySeconds,
          ...(!isOpen && { needs: { stepSeconds: readySeconds, bytes: [1] } }),
        },
      }),
    );
  expect(ready(0.5, true)).toEqual([]);
  const some = ready(60, true);
  expect(some.length).toBeGreaterThan(3);
  for (const { firstSegment, segmentCount } of some)
    expect(firstSegment - 1 + segmentCount).toBeLessThanOrEqual(30);
  expect(ready(1000, true)).toEqual(all.filter((chunk) => !isLast(chunk)));
  expect(ready(1000, false)).toEqual(all);
});
