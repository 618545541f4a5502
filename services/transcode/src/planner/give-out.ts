import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../domain/job.ts';
import { type AddChunksDependencies, addChunks } from './add-chunks.ts';

/** Gives out the chunks of jobs. */
export interface GiveOut {
  /** Adds the chunks of a job that runs from now on, and fills the queue: the heads at once, the rest a little later. */
  start(record: JobRecord): Promise<void>;
  /** Adds chunks that whoever planned the job did not come to add. */
  addMissing(record: JobRecord, known: ReadonlySet<string>): Promise<void>;
}

/** What giving out needs. */
export interface GiveOutDependencies extends AddChunksDependencies {
  readonly fillQueue: (record: JobRecord) => Promise<void>;
}

/** Workers in this process get so much time for the heads, before hundreds of chunks are written. */
const headStartMs = 300;

/** Gives out chunks; knows which jobs it is adding chunks of, so that they are not added twice. */
export function createGiveOut({ fillQueue, ...deps }: GiveOutDependencies): GiveOut {
  const adding = new Map<string, { record: JobRecord; work: Promise<void> }>();
  return {
    async start(record) {
      const headsAdded = async () => {
        await fillQueue(record);
        await sleep(headStartMs);
      };
      const work = addChunks(deps, record, { headsAdded }).finally(() => adding.delete(record.job.id));
      adding.set(record.job.id, { record, work });
      await work;
      await fillQueue(record);
    },
    async addMissing(record, known) {
      const atWork = adding.get(record.job.id);
      if (atWork && hasSameChunks(atWork.record, record)) return;
      await atWork?.work.catch(() => {});
      await addChunks(deps, record, { known });
    },
  };
}

/** A look at the content brings other chunks, and so does a copy that cannot be made. */
const hasSameChunks = (a: JobRecord, b: JobRecord) =>
  a.ladderOutcome === b.ladderOutcome && a.copyOf?.jobId === b.copyOf?.jobId;
