import { Code, ConnectError } from '@connectrpc/connect';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { fromConnectError } from '@kerkis/rpc';
import { createAbsences } from '../cache/absences.ts';
import { singleFlight } from '../store/single-flight.ts';
import type { MediaObject, MediaObjects } from './media-objects.ts';

/** What became of a wait for what was not made yet. */
export type WaitOutcome = 'served' | 'timeout' | 'refused' | 'abandoned';

/** Options of a call that waits. */
export interface WaitOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Objects of one kind, stored or still to be made. */
export interface OnDemand {
  /**
   * The object of that key. One that is not stored is asked for by `make`, and waited for until `signal` is aborted or the time is
   * up. `not_found`: why it will never be made. However many ask, it is made once.
   */
  read(
    key: string,
    make: (options: WaitOptions) => Promise<unknown>,
    signal: () => AbortSignal,
  ): Promise<MediaObject>;
  /** An object was stored: that it will never be made does not count any more. */
  stored(key: string): void;
}

/** What they stand on. */
export interface OnDemandOptions {
  readonly objects: Pick<MediaObjects, 'peek' | 'read' | 'stored'>;
  readonly waitMs: number;
  readonly observe: (outcome: WaitOutcome, durationMs: number) => void;
  /** What is said when it was not made in time: `unavailable`. */
  readonly late: { readonly reason: string; readonly message: string };
}

export function createOnDemand({ objects, waitMs, observe, late }: OnDemandOptions): OnDemand {
  const absences = createAbsences();
  const flights = singleFlight<MediaObject>();

  async function wait(make: (options: WaitOptions) => Promise<unknown>, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const waited = (outcome: WaitOutcome) => observe(outcome, performance.now() - startedAt);
    try {
      await make({ signal, timeoutMs: waitMs });
      waited('served');
    } catch (caught) {
      const error = refusal(caught, signal, late);
      waited(error.kind === 'not_found' ? 'refused' : error.kind === 'cancelled' ? 'abandoned' : 'timeout');
      throw error;
    }
  }

  async function obtain(
    key: string,
    make: (options: WaitOptions) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<MediaObject> {
    // Who was told that it is not there may hear so only after it was made for others.
    const made = objects.peek(key);
    if (made) return made;
    await wait(make, signal);
    objects.stored(key);
    return await objects.read(key, { isFresh: true });
  }

  return {
    async read(key, make, signal) {
      const known = absences.get(key);
      if (known) throw known;
      try {
        const stored = await objects.read(key).catch(unlessStored);
        if (stored) return stored;
        return await flights.join(key, (shared) => obtain(key, make, shared), signal());
      } catch (error) {
        if (isKerkisError(error) && error.kind === 'not_found') absences.set(key, error);
        throw error;
      }
    },
    stored: (key) => absences.stored(key),
  };
}

function unlessStored(error: unknown): undefined {
  if (isKerkisError(error) && error.kind === 'not_found') return undefined;
  throw error;
}

/** Why transcode does not make it: for good (`not_found`), not in time, or nobody waits any more. */
function refusal(caught: unknown, signal: AbortSignal, late: OnDemandOptions['late']): KerkisError {
  if (signal.aborted)
    return new KerkisError('cancelled', 'CANCELLED', 'The viewer went away.', { cause: caught });
  const error = fromConnectError(caught);
  const isFinal = ['not_found', 'precondition', 'invalid', 'data_loss'].includes(error.kind);
  if (isFinal) {
    const { reason, message, details } = error;
    return new KerkisError('not_found', reason, message, { details, cause: caught });
  }
  const isLate = caught instanceof ConnectError && caught.code === Code.DeadlineExceeded;
  const reason = isLate ? late.reason : error.kind === 'unavailable' ? error.reason : 'TRANSCODE_UNAVAILABLE';
  return new KerkisError('unavailable', reason, late.message, { cause: caught });
}
