import type { Grant } from './grant.ts';
import type { PlayableGeneration } from './playable-generation.ts';

/** What decides on how long an answer may be kept, by whom, and by what it is purged. */
export interface Keeping {
  readonly playing: { readonly playbackId: string };
  readonly generation: Pick<PlayableGeneration, 'id' | 'assetId' | 'complete'>;
  readonly grant: Pick<Grant, 'isPrivate'>;
  /** The URL names the generation. */
  readonly pinned: boolean;
}

/** Headers that tell caches what they may do. */
export interface CachingHeaders {
  readonly 'cache-control': string;
  /** What the answer is purged by: asset, playback ID and generation. As Fastly and Varnish read it. */
  readonly 'surrogate-key'?: string;
  /** The same as Cloudflare, Akamai and Google read it. */
  readonly 'cache-tag'?: string;
}

/** Of what never changes under a URL that names its generation, and is `revisable` under another. */
export function lasting(keeping: Keeping, ttlSeconds: number): CachingHeaders {
  if (!keeping.pinned) return revisable(keeping, ttlSeconds);
  return headers(keeping, 'max-age=31536000, immutable');
}

/**
 * Of what a generation says or points at under a URL that another generation may take over: short while it is encoded, and
 * never longer than a minute, because the asset may be encoded again. A shared cache may answer from what it has while it asks again, and
 * longer while nobody answers it.
 */
export function revisable(keeping: Omit<Keeping, 'pinned'>, ttlSeconds: number): CachingHeaders {
  const [longest, staleSeconds, withoutEdgeSeconds] = keeping.generation.complete
    ? [60, 60, 86_400]
    : [1, 4, 60];
  const maxAge = `max-age=${Math.min(ttlSeconds, longest)}`;
  // Whoever wants nothing kept wants nothing stale. A viewer's own cache holds nothing beyond the token.
  if (ttlSeconds === 0 || keeping.grant.isPrivate) return headers(keeping, maxAge);
  const stale = `stale-while-revalidate=${staleSeconds}, stale-if-error=${withoutEdgeSeconds}`;
  return headers(keeping, `${maxAge}, ${stale}`);
}

/** A cache that viewers share asks nobody for a token, so it keeps nothing that is private. */
function headers({ playing, generation, grant }: Omit<Keeping, 'pinned'>, howLong: string): CachingHeaders {
  if (grant.isPrivate) return { 'cache-control': `private, ${howLong}` };
  const keys = [generation.assetId, playing.playbackId, generation.id];
  return {
    'cache-control': `public, ${howLong}`,
    'surrogate-key': keys.join(' '),
    'cache-tag': keys.join(','),
  };
}
