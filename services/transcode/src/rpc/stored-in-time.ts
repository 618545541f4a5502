import type { HandlerContext } from '@connectrpc/connect';
import type { ObjectStore } from '@kerkis/objects';

/** What waiting for an object needs. */
export interface StoredInTimeDependencies {
  readonly objects: Pick<ObjectStore, 'head'>;
  /** Resolves when this object may have been stored, or after a while. */
  readonly nextStored: (objectKey: string, signal: AbortSignal) => Promise<void>;
}

/** What is done while an object is not there. What these throw ends the wait. */
export interface WhileMissing {
  /** Sees to it that it is made. Called again and again. */
  hurry(): Promise<void>;
  /** Finds out whether it still may come. Before the object is looked for once more. */
  lookAgain(): Promise<void>;
}

const maxWaitMs = 60_000;
/** What is left of the caller's time to answer it. */
const answerMs = 150;

/** Waits until an object is stored, as long as the caller does, a minute at most. False when it was not stored in that time. */
export async function storedInTime(
  { objects, nextStored }: StoredInTimeDependencies,
  objectKey: string,
  { signal, timeoutMs }: Pick<HandlerContext, 'signal' | 'timeoutMs'>,
  { hurry, lookAgain }: WhileMissing,
): Promise<boolean> {
  const waitMs = Math.max(0, Math.min(maxWaitMs, timeoutMs() ?? maxWaitMs) - answerMs);
  using patience = abortAfter(waitMs, signal);
  for (;;) {
    // Listens before it looks, so that nothing is stored in between unheard.
    const stored = nextStored(objectKey, patience.signal);
    if (await objects.head(objectKey)) return true;
    if (patience.signal.aborted) return false;
    await hurry();
    await stored;
    if (await objects.head(objectKey)) return true;
    await lookAgain();
  }
}

/** A signal that is aborted when the time is over, or with the other signal. */
function abortAfter(durationMs: number, signal: AbortSignal): { signal: AbortSignal } & Disposable {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), durationMs);
  return {
    signal: AbortSignal.any([signal, over.signal]),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      over.abort();
    },
  };
}
