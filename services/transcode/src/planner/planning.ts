import { KerkisError } from '@kerkis/errors';

/** Plans jobs, each once at a time in this process. Disposing stops what is in work: another planner takes it up. */
export interface Planning extends AsyncDisposable {
  /** Plans a job, or waits for whoever plans it already: until it is planned, or steps aside since that takes long. */
  now(jobId: string): Promise<void>;
  /** Plans a job in the background. False when too many are being planned: the reconciler comes back. */
  soon(jobId: string): boolean;
}

/** What planning needs. */
export interface PlanningOptions {
  /** Calls `stepAside` before something that takes long: others get its place then, and nobody waits for it. */
  readonly planJob: (jobId: string, signal: AbortSignal, stepAside: () => void) => Promise<void>;
  /** Jobs that may be planned in the background at a time. */
  readonly maxInBackground: number;
  /** Told of what went wrong in the background. */
  readonly onFailure: (jobId: string, error: unknown) => void;
}

/** Jobs that have stepped aside hold a source and some memory each. */
const maxAside = 32;

/** A planning that has not begun anything. */
export function createPlanning({ planJob, maxInBackground, onFailure }: PlanningOptions): Planning {
  const inWork = new Map<string, { readonly work: Promise<void>; readonly settled: Promise<void> }>();
  const aside = new Set<string>();
  const leaving = new AbortController();

  function now(jobId: string): Promise<void> {
    const known = inWork.get(jobId);
    if (known) return known.settled;
    if (leaving.signal.aborted) {
      return Promise.reject(new KerkisError('cancelled', 'PLANNER_STOPS', 'The planner is being stopped.'));
    }
    let hasLeft = false;
    const { promise: away, resolve } = Promise.withResolvers<void>();
    const stepAside = () => {
      if (aside.size >= maxAside) return;
      aside.add(jobId);
      hasLeft = true;
      resolve();
    };
    const work = planJob(jobId, leaving.signal, stepAside).finally(() => {
      inWork.delete(jobId);
      aside.delete(jobId);
    });
    work.catch((error: unknown) => {
      // Nobody else hears of it. Who waits hears of all others.
      if (hasLeft && !leaving.signal.aborted) onFailure(jobId, error);
    });
    const settled = Promise.race([work, away]);
    inWork.set(jobId, { work, settled });
    return settled;
  }

  return {
    now,
    soon(jobId) {
      if (!inWork.has(jobId) && inWork.size - aside.size >= maxInBackground) return false;
      now(jobId).catch((error: unknown) => {
        if (!leaving.signal.aborted) onFailure(jobId, error);
      });
      return true;
    },
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await Promise.allSettled([...inWork.values()].map(({ work }) => work));
    },
  };
}
