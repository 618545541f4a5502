import { createHash, timingSafeEqual } from 'node:crypto';
import { KerkisError } from '@kerkis/errors';

/** Who makes a call, and what they may do. */
export interface Principal {
  /** Name of the key, for logs. */
  readonly name: string;
  /** `<service>:<read|write>`, where either side may be `*`; a bare `*` is everything. */
  readonly scopes: readonly string[];
}

/** Decides on calls, RPC and plain HTTP alike. */
export interface Verifier {
  /**
   * Who sends this `Authorization` header, if they may use `requiredScope` (e.g. `catalog:read`).
   * Throws KerkisError `unauthenticated` API_KEY_MISSING or API_KEY_INVALID, `forbidden` SCOPE_MISSING.
   */
  verify(authorization: string | undefined, requiredScope: string): Promise<Principal>;
}

/** One key as configured. The key itself is known to its holder only. */
export interface ApiKey extends Principal {
  /** SHA-256 of the key, in hex. Keys are long random strings, so a plain hash is enough. */
  readonly sha256: string;
}

/** SHA-256 of an API key in hex, as the configuration holds it. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

/** The key that services of the mesh use for calls to each other: every scope. */
export function meshKey(token: string): ApiKey {
  return { name: 'mesh', sha256: hashApiKey(token), scopes: ['*'] };
}

/** Verifies `Bearer <key>` against a list of hashed keys, in time that does not depend on which one matches. */
export function apiKeyVerifier(keys: readonly ApiKey[]): Verifier {
  const known = keys.map((key) => ({ key, hash: Buffer.from(key.sha256, 'hex') }));
  const malformed = known.find(({ hash }) => hash.length !== 32);
  if (malformed) {
    throw new KerkisError(
      'invalid',
      'API_KEY_HASH_INVALID',
      `The sha256 of API key "${malformed.key.name}" must be 64 hexadecimal digits.`,
    );
  }
  return {
    async verify(authorization, requiredScope) {
      const presented = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
      if (presented === undefined) {
        throw new KerkisError(
          'unauthenticated',
          'API_KEY_MISSING',
          'Send an API key in the header "Authorization: Bearer <key>".',
        );
      }
      const hash = createHash('sha256').update(presented, 'utf8').digest();
      const [match] = known.filter((candidate) => timingSafeEqual(candidate.hash, hash));
      if (!match) throw new KerkisError('unauthenticated', 'API_KEY_INVALID', 'This API key is not known.');
      const { name, scopes } = match.key;
      if (!scopes.some((scope) => covers(scope, requiredScope))) {
        throw new KerkisError(
          'forbidden',
          'SCOPE_MISSING',
          `This API key lacks the scope "${requiredScope}".`,
          {
            details: { requiredScope },
          },
        );
      }
      return { name, scopes };
    },
  };
}

function covers(granted: string, required: string): boolean {
  if (granted === '*' || granted === required) return true;
  const [service, action] = granted.split(':');
  const [wantedService, wantedAction] = required.split(':');
  return (service === '*' || service === wantedService) && (action === '*' || action === wantedAction);
}
