import type { KerkisError } from '@kerkis/errors';
import { LRUCache } from 'lru-cache';

/** What is known not to be there, for a moment. */
export interface Absences {
  get(key: string): KerkisError | undefined;
  set(key: string, error: KerkisError): void;
  /** It is there now. Who asked before and hears only now that it was not is not believed any more. */
  stored(key: string): void;
}

const absentMs = 1_000;
/** No read takes longer to tell that nothing is there. */
const storedLatelyMs = 5_000;

export function createAbsences(): Absences {
  const absent = new LRUCache<string, KerkisError>({ max: 10_000, ttl: absentMs });
  const stored = new LRUCache<string, true>({ max: 10_000, ttl: storedLatelyMs });
  return {
    get: (key) => absent.get(key),
    set(key, error) {
      if (!stored.has(key)) absent.set(key, error);
    },
    stored(key) {
      absent.delete(key);
      stored.set(key, true);
    },
  };
}
