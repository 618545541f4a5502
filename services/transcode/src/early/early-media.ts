import type { JobStore } from '../store/jobs.ts';
import type { EarlyMedia } from '../worker/encode-chunk.ts';
import { asJob } from './early-job.ts';
import type { EarlyStore } from './early-store.ts';
import { type GrowingObjects, pathOfGrowing } from './growing-source.ts';
import { type TakeChunkDependencies, takeEarlyChunk } from './take-early.ts';

/** What a worker of early work stands on. */
export interface EarlyMediaDependencies extends TakeChunkDependencies {
  readonly objects: TakeChunkDependencies['objects'] & GrowingObjects;
  readonly jobs: Pick<JobStore, 'findJob'>;
  readonly early: Pick<EarlyStore, 'findEarly'>;
}

/** What a worker needs so that it runs early chunks like all others, and takes what they made. */
export function earlyMedia(deps: EarlyMediaDependencies): {
  readonly jobs: Pick<JobStore, 'findJob'>;
  readonly early: EarlyMedia;
} {
  const { jobs, early, objects } = deps;
  return {
    jobs: {
      async findJob(id) {
        const found = await jobs.findJob(id);
        if (found) return found;
        const job = await early.findEarly(id);
        return job && asJob(job);
      },
    },
    early: {
      pathOf: (source) => pathOfGrowing(objects, source),
      take: (job, record, assertHeld) => takeEarlyChunk(deps, job, record, assertHeld),
    },
  };
}
