// Chunks of jobs that are over, which a planner that was killed had still added: on real stores.
import { ChunkState, JobState } from '@kerkis/contracts/transcode';
import { openDatabase } from '@kerkis/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSweepPending } from '../src/planner/sweep-pending.ts';
import { chunkStore } from '../src/store/chunks.ts';
import { jobStore } from '../src/store/jobs.ts';
import { exampleChunk, exampleJob } from './example-plan.ts';

let stack: AsyncDisposableStack;
let jobs: ReturnType<typeof jobStore>;
let chunks: ReturnType<typeof chunkStore>;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const database = stack.use(await openDatabase({ url: 'sqlite::memory:' }));
  [jobs, chunks] = [jobStore(database), chunkStore(database)];
});
afterEach(() => stack.disposeAsync());

async function jobIn(state: JobState, run = 1): Promise<string> {
  const record = exampleJob();
  await jobs.addJob({ ...record, run, job: { ...record.job, state } });
  return record.job.id;
}

/** A chunk that has waited for a minute. */
async function waiting(jobId: string): Promise<string> {
  const record = exampleChunk();
  const changedAt = new Date(Date.now() - 60_000);
  await chunks.addChunk({ ...record, changedAt, chunk: { ...record.chunk, jobId } });
  return record.chunk.id;
}

const stateOf = async (id: string) => (await chunks.findChunk(id))?.chunk.state;

test('what waits for a job that is over ends, behind any number of those that wait for their turn', async () => {
  const running = await jobIn(JobState.RUNNING);
  const film = await Promise.all(Array.from({ length: 250 }, () => waiting(running)));
  const left = await waiting(await jobIn(JobState.FAILED));
  const former = await waiting(await jobIn(JobState.RUNNING, 2));
  const orphan = await waiting('job_0');
  const sweep = createSweepPending({ jobs, chunks, staleMs: 1_000 });
  const { signal } = new AbortController();
  expect((await sweep(signal)) + (await sweep(signal))).toBe(3);
  expect(await Promise.all([left, former, orphan].map(stateOf))).toEqual([
    ChunkState.CANCELLED,
    ChunkState.CANCELLED,
    undefined,
  ]);
  expect(new Set(await Promise.all(film.map(stateOf)))).toEqual(new Set([ChunkState.PENDING]));
  expect(await sweep(signal)).toBe(0);
});

test('what is being added right now is left alone', async () => {
  const id = await waiting(await jobIn(JobState.PENDING));
  const sweep = createSweepPending({ jobs, chunks, staleMs: 120_000 });
  expect(await sweep(new AbortController().signal)).toBe(0);
  expect(await stateOf(id)).toBe(ChunkState.PENDING);
});
