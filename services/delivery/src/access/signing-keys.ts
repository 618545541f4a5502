import { setTimeout as sleep } from 'node:timers/promises';
import type { SigningKey } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import type { Logger } from '@kerkis/telemetry';
import { readPublicKey, type VerifyingKey } from '@kerkis/tokens';

/** The signing keys that are good, as the catalog told last. */
export interface SigningKeys {
  /**
   * The key of that id, undefined for one that is not good. For one that is not known the catalog is asked, twice a second at most: who
   * asks waits for that. `unavailable` CATALOG_UNAVAILABLE while it never answered.
   */
  find(keyId: string): Promise<VerifyingKey | undefined>;
  /** Whether a key that was found still is good. */
  isGood(key: VerifyingKey): boolean;
  /** Asks the catalog. What is known stays when it does not answer. */
  refresh(): Promise<void>;
}

/** What they stand on. */
export interface SigningKeysOptions {
  /** All good keys. */
  readonly list: () => Promise<readonly Pick<SigningKey, 'id' | 'publicKey'>[]>;
  readonly logger: Logger;
}

const askAgainMs = 500;

export function createSigningKeys({ list, logger }: SigningKeysOptions): SigningKeys {
  let known: ReadonlyMap<string, VerifyingKey> | undefined;
  let askedAtMs = 0;
  let failing = false;
  let asking: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let asSoonAsAllowed: Promise<void> | undefined;

  async function ask(): Promise<void> {
    askedAtMs = Date.now();
    try {
      const told = await list();
      const keys = await Promise.all(told.map((each) => known?.get(each.id) ?? readKey(each)));
      known = new Map(keys.flatMap((key) => (key ? [[key.id, key] as const] : [])));
      failing = false;
    } catch (err) {
      if (!failing)
        logger.warn({ err }, 'the signing keys cannot be asked for; those that are known stay good');
      failing = true;
    }
  }

  async function readKey({ id, publicKey }: Pick<SigningKey, 'id' | 'publicKey'>) {
    try {
      const key = await readPublicKey(publicKey);
      if (key.id === id) return key;
      logger.error({ keyId: id }, 'a signing key is not the one that its id names');
    } catch (err) {
      logger.error({ err, keyId: id }, 'a signing key cannot be read');
    }
    return undefined;
  }

  /** A question that was asked before this call may miss what the caller heard of, so another one follows it. */
  function refresh(): Promise<void> {
    if (!asking) {
      asking = ask().finally(() => {
        asking = undefined;
      });
      return asking;
    }
    next ??= asking.then(() => {
      next = undefined;
      return refresh();
    });
    return next;
  }

  async function refreshLater(): Promise<void> {
    await sleep(Math.max(0, askedAtMs + askAgainMs - Date.now()), undefined, { ref: false });
    asSoonAsAllowed = undefined;
    await refresh();
  }

  return {
    async find(keyId) {
      const key = known?.get(keyId);
      if (key) return key;
      asSoonAsAllowed ??= refreshLater();
      await asSoonAsAllowed;
      if (known) return known.get(keyId);
      throw new KerkisError('unavailable', 'CATALOG_UNAVAILABLE', 'The catalog does not answer right now.');
    },
    isGood: (key) => known?.get(key.id) === key,
    refresh,
  };
}
