import { isKerkisError, type KerkisError } from '@kerkis/errors';
import { maxTokenLength, type VerifiedToken, verifyPlaybackToken } from '@kerkis/tokens';
import { LRUCache } from 'lru-cache';
import { singleFlight } from '../store/single-flight.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What the edge knows about tokens. */
export interface Verdicts {
  /** Verifies a token once, and remembers what came of it for as long as its key is good. Throws what `verifyPlaybackToken` throws. */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>;
}

/** What they stand on. */
export interface VerdictsOptions {
  readonly keys: Pick<SigningKeys, 'find' | 'isGood'>;
  readonly audience: string;
  readonly observe: (result: 'hit' | 'miss') => void;
}

const goodBytes = 32 * 1024 * 1024;
const badBytes = 4 * 1024 * 1024;
/** What an entry costs besides its token. */
const overheadBytes = 1024;

const forGood: ReadonlySet<string> = new Set(['PLAYBACK_TOKEN_INVALID', 'PLAYBACK_TOKEN_OTHER_AUDIENCE']);

export function createVerdicts({ keys, audience, observe }: VerdictsOptions): Verdicts {
  const cacheOf = <V extends object>(maxSize: number) =>
    new LRUCache<string, V>({
      maxSize,
      sizeCalculation: (_, token) => token.length + overheadBytes,
    });
  const good = cacheOf<VerifiedToken>(goodBytes);
  /** A key never changes under its id, so neither does this. */
  const bad = cacheOf<KerkisError>(badBytes);
  const flights = singleFlight<VerifiedToken>();

  async function look(token: string): Promise<VerifiedToken> {
    try {
      const verified = await verifyPlaybackToken(token, { findKey: (id) => keys.find(id), audience });
      good.set(token, verified);
      return verified;
    } catch (error) {
      if (isKerkisError(error) && forGood.has(error.reason) && token.length <= maxTokenLength)
        bad.set(token, error);
      throw error;
    }
  }

  return {
    verify(token) {
      const known = good.get(token);
      const isGood = known !== undefined && keys.isGood(known.key);
      const refusal = isGood ? undefined : bad.get(token);
      observe(isGood || refusal ? 'hit' : 'miss');
      if (refusal) throw refusal;
      return isGood ? known : flights.join(token, () => look(token));
    },
  };
}
