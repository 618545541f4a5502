import { createHash } from 'node:crypto';
import { Encryption } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import { type ContentKeys, contentKeys } from './content-keys.ts';

/** How a generation is encrypted on its way. */
export interface Protection {
  readonly scheme: 'aes-128' | 'cbcs';
  readonly keys: ContentKeys;
  /** Names scheme and keys in URLs, so that a cache never mixes what was encrypted with other ones. */
  readonly tag: string;
}

/** A generation whose segments are encrypted. */
type ProtectedGeneration = PlayableGeneration & { readonly protection: Protection };

const schemes = {
  [Encryption.UNSPECIFIED]: undefined,
  [Encryption.NONE]: undefined,
  [Encryption.AES_128]: 'aes-128',
  [Encryption.CBCS]: 'cbcs',
} as const satisfies Record<Encryption, Protection['scheme'] | undefined>;

/** What of `cbcs` there is: pictures in NAL units, and any sound. */
const cbcsCodecs = /^(?:avc[13]|hvc1|hev1|dvh[1e])\./;

/** Makes what a playback ID plays into what it plays encrypted. */
export type Protect = (generation: PlayableGeneration, encryption: Encryption) => PlayableGeneration;

/**
 * A playback ID that asks for encryption has nothing that would be clear or could not be told where: no downloads, no index of single
 * pictures, and with `cbcs` no codecs that have none. Errors: ENCRYPTION_NOT_CONFIGURED, `not_found` ENCRYPTION_NOT_POSSIBLE when
 * nothing is left.
 */
export function createProtect(secret: string | undefined): Protect {
  const made = new WeakMap<PlayableGeneration, Map<Encryption, ProtectedGeneration>>();
  return (generation, encryption) => {
    const scheme = schemes[encryption];
    if (!scheme) return generation;
    const known = made.get(generation)?.get(encryption);
    if (known) return known;
    const fresh = protectedGeneration(generation, scheme, contentKeys(secret, generation.id));
    made.set(generation, (made.get(generation) ?? new Map()).set(encryption, fresh));
    return fresh;
  };
}

function protectedGeneration(
  generation: PlayableGeneration,
  scheme: Protection['scheme'],
  keys: ContentKeys,
): ProtectedGeneration {
  const isPlayed = ({ kind, codec }: PlayableGeneration['presentation']['tracks'][number]) =>
    scheme === 'aes-128' || kind !== 'video' || cbcsCodecs.test(codec);
  const { iframes: _, ...presentation } = generation.presentation;
  const tracks = presentation.tracks.filter(isPlayed);
  const hadPictures = presentation.tracks.some(({ kind }) => kind === 'video');
  if (hadPictures && !tracks.some(({ kind }) => kind === 'video')) {
    throw new KerkisError(
      'not_found',
      'ENCRYPTION_NOT_POSSIBLE',
      'Nothing of this can be encrypted as its playback ID wants: cbcs needs pictures in H.264 or HEVC.',
    );
  }
  const tag = createHash('sha256')
    .update(`${scheme} ${keys.video.id} ${keys.audio.id}`)
    .digest('base64url')
    .slice(0, 11);
  return {
    ...generation,
    fingerprint: `${generation.fingerprint} ${tag}`,
    downloads: new Map(),
    tracks: new Map([...generation.tracks].filter(([, { track }]) => isPlayed(track))),
    presentation: { ...presentation, tracks },
    protection: { scheme, keys, tag },
  };
}

/** How a generation is encrypted, undefined if it is not. */
export function protectionOf(generation: PlayableGeneration): Protection | undefined {
  return 'protection' in generation ? (generation as ProtectedGeneration).protection : undefined;
}
