import { KerkisError } from '@kerkis/errors';

/** Plans jobs, each once at a time in this process. Disposing stops what is in work: another planner takes it up. */
export interface Planning extends AsyncDisposable {
  /** Plans a job, or waits for whoever plans it already. */
  now(jobId: string): Promise<void>;
  /** Plans a job in the background. False when too many are being planned: the reconciler comes back. */
  soon(jobId: string): boolean;
}

/** What planning needs. */
export interface PlanningOptions {
  readonly planJob: (jobId: string, signal: AbortSignal) => Promise<void>;
  /** Jobs that may be planned in the background at a time. */
  readonly maxInBackground: number;
  /** Told of what went wrong in the background. */
  readonly onFailure: (jobId: string, error: unknown) => void;
}

/** A planning that has not begun anything. */
export function createPlanning({ planJob, maxInBackground, onFailure }: PlanningOptions): Planning {
  const inWork = new Map<string, Promise<void>>();
  const leaving = new AbortController();

  function now(jobId: string): Promise<void> {
    const known = inWork.get(jobId);
    if (known) return known;
    if (leaving.signal.aborted) {
      return Promise.reject(new KerkisError('cancelled', 'PLANNER_STOPS', 'The planner is being stopped.'));
    }
    const work = planJob(jobId, leaving.signal).finally(() => inWork.delete(jobId));
    inWork.set(jobId, work);
    return work;
  }

  return {
    now,
    soon(jobId) {
      if (!inWork.has(jobId) && inWork.size >= maxInBackground) return false;
      now(jobId).catch((error: unknown) => {
        if (!leaving.signal.aborted) onFailure(jobId, error);
      });
      return true;
    },
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await Promise.allSettled(inWork.values());
    },
  };
}
