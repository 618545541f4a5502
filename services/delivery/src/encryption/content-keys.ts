import { hkdfSync } from 'node:crypto';
import type { TrackKey } from '@kerkis/cenc';
import { KerkisError } from '@kerkis/errors';

/** Pictures and sound have keys of their own: a player may be let have one without the other. */
type KeyKind = 'video' | 'audio';

/** The key of all tracks of a kind of a generation. */
export interface ContentKey extends TrackKey {
  readonly key: Buffer;
  readonly keyId: Buffer;
  readonly iv: Buffer;
  /** Key id as 32 hexadecimal digits. */
  readonly id: string;
}

/** Both keys of a generation. */
export type ContentKeys = Readonly<Record<KeyKind, ContentKey>>;

/**
 * The keys of a generation, derived from the secret by HKDF-SHA-256 with the generation id as salt and `kerkis content key v1 <kind>` as info:
 * 48 bytes, of which the first 16 are the key, the next 16 the key id, and the last 16 the constant IV of `cbcs`. `unavailable`
 * ENCRYPTION_NOT_CONFIGURED without a secret.
 */
export function contentKeys(secret: string | undefined, generationId: string): ContentKeys {
  if (secret === undefined) {
    throw new KerkisError(
      'unavailable',
      'ENCRYPTION_NOT_CONFIGURED',
      'This is for encrypted playback only, and the edge has no secret to derive keys from.',
    );
  }
  const derive = (kind: KeyKind): ContentKey => {
    const bytes = Buffer.from(hkdfSync('sha256', secret, generationId, `kerkis content key v1 ${kind}`, 48));
    const keyId = bytes.subarray(16, 32);
    return { key: bytes.subarray(0, 16), keyId, iv: bytes.subarray(32), id: keyId.toString('hex') };
  };
  return { video: derive('video'), audio: derive('audio') };
}
