// What is deleted of jobs that ended, on real stores, when the process that deletes stands still.
import { create } from '@bufbuild/protobuf';
import { FailureSchema } from '@kerkis/contracts/media';
import { openDatabase } from '@kerkis/documents';
import { type ObjectStore, openObjectStore } from '@kerkis/objects';
import { tempDir } from '@kerkis/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { failed, type JobRecord, restarted } from '../src/domain/job.ts';
import { segmentKey } from '../src/domain/segment-keys.ts';
import { cleanUpJob } from '../src/planner/end-job.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';
import { exampleJob } from './example-plan.ts';

const failure = create(FailureSchema, { reason: 'SOME_FAILURE' });
const change = <T>(record: T | undefined) => record && { record };
const track = 'video/h264-96p';

let stack: AsyncDisposableStack;
let parts: Awaited<ReturnType<typeof openParts>>;

async function openParts() {
  const directory = stack.use(await tempDir());
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  const objects = stack.use(await openObjectStore({ kind: 'filesystem', directory: directory.path }));
  return { jobs: jobStore(database), chunks: chunkStore(database), objects, jobEnded: () => {} };
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  vi.useFakeTimers({ toFake: ['Date'] });
  parts = await openParts();
});
afterEach(async () => {
  vi.useRealTimers();
  await stack.disposeAsync();
});

async function failedJob(segments: number): Promise<JobRecord> {
  const waiting = exampleJob();
  const { job } = waiting;
  await parts.jobs.addJob(waiting);
  const record = await parts.jobs.changeJob(job.id, (current) =>
    change(failed(current, failure, new Date())),
  );
  if (!record) throw new Error('the job can fail');
  for (let segment = 1; segment <= segments; segment++)
    await parts.objects.put(segmentKey(job, track, segment), Buffer.from('of the first run'));
  return record;
}

/** The store of a process to which something happens right before it deletes the n-th object. */
function before(nth: number, happens: () => Promise<unknown>): Pick<ObjectStore, 'deletePrefix'> {
  let deletions = 0;
  return {
    deletePrefix: (prefix, { fence } = {}) =>
      parts.objects.deletePrefix(prefix, {
        fence: async () => {
          if (++deletions === nth) await happens();
          await fence?.();
        },
      }),
  };
}

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

test('a planner that stood still deletes nothing of the next run', async () => {
  const { job } = await failedJob(3);
  const stored = segmentKey(job, track, 2);
  const frozen = before(2, async () => {
    later(60_000);
    expect(await cleanUpJob(parts, job.id)).toBe(true);
    await parts.jobs.changeJob(job.id, (current) => change(restarted(current, new Date())));
    await parts.objects.put(stored, Buffer.from('of the second run'));
  });
  await expect(cleanUpJob({ ...parts, objects: frozen }, job.id)).rejects.toMatchObject({
    reason: 'CLEAN_UP_LOST',
  });
  expect(await parts.objects.head(stored)).toBeDefined();
  expect(await parts.jobs.getJob(job.id)).toMatchObject({ run: 2, needsCleanUp: false });
});

test('one that was away for a moment too long stops, though nobody has taken over yet, and comes back', async () => {
  const { job } = await failedJob(2);
  let isAway = false;
  const changeJob: typeof parts.jobs.changeJob = async (id, write) =>
    isAway ? undefined : await parts.jobs.changeJob(id, write);
  const slow = before(1, async () => {
    later(30_000);
    isAway = true;
  });
  const jobs = { ...parts.jobs, changeJob };
  await expect(cleanUpJob({ ...parts, jobs, objects: slow }, job.id)).rejects.toMatchObject({
    reason: 'CLEAN_UP_LOST',
  });
  expect(await parts.objects.head(segmentKey(job, track, 1))).toBeDefined();
  later(60_000);
  expect(await cleanUpJob(parts, job.id)).toBe(true);
  expect(await parts.objects.head(segmentKey(job, track, 1))).toBeUndefined();
});

test('one that takes long says that it is still at it, and others keep away', async () => {
  const { job } = await failedJob(4);
  const others: boolean[] = [];
  let deletions = 0;
  const slow: Pick<ObjectStore, 'deletePrefix'> = {
    deletePrefix: (prefix, { fence } = {}) =>
      parts.objects.deletePrefix(prefix, {
        fence: async () => {
          if (deletions++ > 0) later(15_000);
          await fence?.();
          others.push(await cleanUpJob(parts, job.id));
        },
      }),
  };
  expect(await cleanUpJob({ ...parts, objects: slow }, job.id)).toBe(true);
  expect(others).toEqual([false, false, false, false]);
  expect((await parts.jobs.getJob(job.id)).needsCleanUp).toBe(false);
});
