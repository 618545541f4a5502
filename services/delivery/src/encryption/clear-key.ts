import { KerkisError } from '@kerkis/errors';
import type { ContentKey } from './content-keys.ts';

/** What a player asks for. */
export interface ClearKeyRequest {
  /** Key ids as 32 hexadecimal digits. */
  readonly keyIds: ReadonlySet<string>;
  readonly type: 'temporary' | 'persistent-license';
}

/** The longest request that is read, bytes. */
export const maxClearKeyBytes = 4096;
const maxKeys = 32;
const base64url = /^[A-Za-z0-9_-]{22}$/;

/** A licence request of W3C Encrypted Media Extensions, 9.1.3. `invalid` LICENSE_REQUEST_INVALID. */
export function parseClearKeyRequest(text: string): ClearKeyRequest {
  const told = parsed(text);
  const kids: unknown = told?.kids;
  const type = told?.type ?? 'temporary';
  if (!Array.isArray(kids) || kids.length === 0 || kids.length > maxKeys) throw invalid();
  if (!kids.every((kid): kid is string => typeof kid === 'string' && base64url.test(kid))) throw invalid();
  if (type !== 'temporary' && type !== 'persistent-license') throw invalid();
  return { keyIds: new Set(kids.map((kid) => Buffer.from(kid, 'base64url').toString('hex'))), type };
}

/** The licence, a JSON Web Key set (9.1.4). */
export function clearKeyLicense(keys: readonly ContentKey[], type: ClearKeyRequest['type']): object {
  return {
    keys: keys.map(({ keyId, key }) => ({
      kty: 'oct',
      kid: keyId.toString('base64url'),
      k: key.toString('base64url'),
    })),
    type,
  };
}

function parsed(text: string): { readonly kids?: unknown; readonly type?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function invalid(): KerkisError {
  return new KerkisError(
    'invalid',
    'LICENSE_REQUEST_INVALID',
    'A licence is asked for with JSON such as {"kids":["…"],"type":"temporary"}; key ids are 16 bytes in base64url.',
  );
}
