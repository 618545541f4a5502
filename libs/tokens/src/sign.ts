import { KerkisError } from '@kerkis/errors';
import { SignJWT } from 'jose';
import { type PlaybackClaims, toClaims, toPayload } from './claims.ts';
import { readPrivateKey, type SigningKey } from './signing-key.ts';

/** What to sign. */
export interface SignOptions {
  /** The private key in PEM, or one that was read before, which is quicker for many tokens. */
  readonly privateKey: string | SigningKey;
  /** `key_…`. Default: that of the key, which is what `SigningKeyService` calls it. */
  readonly keyId?: string;
  /** `pbk_…`. */
  readonly playbackId: string;
  /** How long it is good, from now or from `notBefore` on, seconds. */
  readonly expiresInSeconds: number;
  /** Not good before. Default: at once. */
  readonly notBefore?: Date;
  /** Default `kerkis`: `delivery.tokenAudience` of the edges. */
  readonly audience?: string;
  /** Addresses and CIDR ranges of viewers. */
  readonly addressRanges?: readonly string[];
  /** Hosts of pages that may show it, `example.com` or `*.example.com`. */
  readonly referrers?: readonly string[];
  /** The shorter side of the largest picture, pixels. */
  readonly maxHeight?: number;
  /** How much from the beginning, seconds. */
  readonly previewSeconds?: number;
}

/** Whom tokens are for unless something else is agreed on. */
export const defaultAudience = 'kerkis';

/**
 * Signs a playback token, without asking any server. Throws `invalid` SIGNING_KEY_INVALID, PLAYBACK_CLAIMS_INVALID for what no edge
 * would take.
 */
export async function signPlaybackToken(options: SignOptions): Promise<string> {
  const { privateKey, playbackId, expiresInSeconds, notBefore } = options;
  const key = typeof privateKey === 'string' ? await readPrivateKey(privateKey) : privateKey;
  const startSeconds = Math.floor((notBefore?.getTime() ?? Date.now()) / 1000);
  const { addressRanges, referrers, maxHeight, previewSeconds } = options;
  const payload = toPayload({
    playbackId,
    audiences: [options.audience ?? defaultAudience],
    expiresAtSeconds: startSeconds + Math.ceil(expiresInSeconds),
    ...(notBefore && { notBeforeSeconds: startSeconds }),
    ...(addressRanges && { addressRanges }),
    ...(referrers && { referrers }),
    ...(maxHeight !== undefined && { maxHeight }),
    ...(previewSeconds !== undefined && { previewSeconds }),
  } satisfies PlaybackClaims);
  if (!/^pbk_[0-9a-f]{32}$/.test(playbackId) || !(expiresInSeconds > 0) || !toClaims(payload)) {
    throw new KerkisError(
      'invalid',
      'PLAYBACK_CLAIMS_INVALID',
      'No edge would take this token: it needs a playback ID (pbk_…), a duration above 0, and addresses, hosts, height and preview that are such.',
    );
  }
  return await new SignJWT(payload)
    .setProtectedHeader({ alg: key.algorithm, kid: options.keyId ?? key.id, typ: 'JWT' })
    .sign(key.privateKey);
}
