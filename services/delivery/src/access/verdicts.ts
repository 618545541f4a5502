import { type VerifiedToken, verifyPlaybackToken } from '@kerkis/tokens';
import { LRUCache } from 'lru-cache';
import { singleFlight } from '../store/single-flight.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What the edge knows about tokens. */
export interface Verdicts {
  /** Verifies a token once, and remembers it for as long as its key is good. Throws what `verifyPlaybackToken` throws. */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>;
}

/** What they stand on. */
export interface VerdictsOptions {
  readonly keys: Pick<SigningKeys, 'find' | 'isGood'>;
  readonly audience: string;
  readonly observe: (result: 'hit' | 'miss') => void;
}

const cacheBytes = 32 * 1024 * 1024;
/** What an entry costs besides its token. */
const overheadBytes = 1024;

export function createVerdicts({ keys, audience, observe }: VerdictsOptions): Verdicts {
  const good = new LRUCache<string, VerifiedToken>({
    maxSize: cacheBytes,
    sizeCalculation: (_, token) => token.length + overheadBytes,
  });
  const flights = singleFlight<VerifiedToken>();

  async function look(token: string): Promise<VerifiedToken> {
    const verified = await verifyPlaybackToken(token, { findKey: (id) => keys.find(id), audience });
    good.set(token, verified);
    return verified;
  }

  return {
    verify(token) {
      const known = good.get(token);
      const isGood = known !== undefined && keys.isGood(known.key);
      observe(isGood ? 'hit' : 'miss');
      return isGood ? known : flights.join(token, () => look(token));
    },
  };
}
