import { KerkisError } from '@kerkis/errors';
import { compactVerify, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import { type PlaybackClaims, toClaims } from './claims.ts';
import type { VerifyingKey } from './signing-key.ts';

/** How to verify. */
export interface VerifyOptions {
  /** The key of that id; undefined for one that is not known or was revoked. */
  readonly findKey: (keyId: string) => VerifyingKey | undefined | Promise<VerifyingKey | undefined>;
  /** Tokens must be for this audience. */
  readonly audience: string;
}

/** A token whose signature is good, for as long as its key is. Whether it is good now and here is asked of `checkPlaybackToken`. */
export interface VerifiedToken {
  readonly key: VerifyingKey;
  readonly claims: PlaybackClaims;
}

/** Longest token that is looked at, characters. */
export const maxTokenLength = 4096;

const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Verifies what does not change: form, algorithm, key, signature, audience. The algorithm is that of the key, whatever the token says
 * about itself. Throws `forbidden` PLAYBACK_TOKEN_INVALID, PLAYBACK_TOKEN_KEY_UNKNOWN, PLAYBACK_TOKEN_OTHER_AUDIENCE, and what
 * `findKey` throws.
 */
export async function verifyPlaybackToken(
  token: string,
  { findKey, audience }: VerifyOptions,
): Promise<VerifiedToken> {
  if (token.length > maxTokenLength || !shape.test(token)) throw refused('INVALID', 'is not readable');
  const { alg, kid, crit } = headerOf(token);
  if (typeof kid !== 'string' || crit !== undefined)
    throw refused('INVALID', 'must name its key, and no extension');
  const key = await findKey(kid);
  if (!key) throw refused('KEY_UNKNOWN', 'is signed with a key that is not known or was revoked');
  if (alg !== key.algorithm) throw refused('INVALID', 'does not have the algorithm of its key');
  const payload = await signed(token, key);
  const claims = toClaims(payload);
  if (!claims)
    throw refused('INVALID', 'lacks sub, aud or exp, or has a claim that is not what it should be');
  if (!claims.audiences.includes(audience)) throw refused('OTHER_AUDIENCE', 'is for another audience');
  return { key, claims };
}

/**
 * Checks what does change: time and playback ID. Throws `forbidden` PLAYBACK_TOKEN_EXPIRED, PLAYBACK_TOKEN_NOT_YET_VALID,
 * PLAYBACK_TOKEN_OTHER_PLAYBACK.
 */
export function checkPlaybackToken(
  { claims }: Pick<VerifiedToken, 'claims'>,
  at: { readonly playbackId: string; readonly nowMs: number; readonly clockSkewSeconds: number },
): void {
  const skewMs = at.clockSkewSeconds * 1000;
  if (claims.playbackId !== at.playbackId) throw refused('OTHER_PLAYBACK', 'is for another playback ID');
  if (at.nowMs >= claims.expiresAtSeconds * 1000 + skewMs) throw refused('EXPIRED', 'has expired');
  if (at.nowMs < (claims.notBeforeSeconds ?? 0) * 1000 - skewMs) {
    throw refused('NOT_YET_VALID', 'is not valid yet');
  }
}

function headerOf(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw refused('INVALID', 'is not readable');
  }
}

async function signed(token: string, { algorithm, publicKey }: VerifyingKey): Promise<JWTPayload> {
  try {
    const { payload } = await compactVerify(token, publicKey, { algorithms: [algorithm] });
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    if (typeof claims === 'object' && claims !== null) return claims as JWTPayload;
  } catch {
    // Why exactly is nothing that a forger should hear.
  }
  throw refused('INVALID', 'has no valid signature');
}

const reasons = {
  INVALID: 'PLAYBACK_TOKEN_INVALID',
  KEY_UNKNOWN: 'PLAYBACK_TOKEN_KEY_UNKNOWN',
  OTHER_AUDIENCE: 'PLAYBACK_TOKEN_OTHER_AUDIENCE',
  OTHER_PLAYBACK: 'PLAYBACK_TOKEN_OTHER_PLAYBACK',
  EXPIRED: 'PLAYBACK_TOKEN_EXPIRED',
  NOT_YET_VALID: 'PLAYBACK_TOKEN_NOT_YET_VALID',
} as const;

function refused(why: keyof typeof reasons, what: string): KerkisError {
  return new KerkisError('forbidden', reasons[why], `This playback token ${what}.`);
}
