import type { Grant } from './grant.ts';
import type { PlayableGeneration } from './playable-generation.ts';

/** What decides on how long an answer may be kept, and by whom. */
export interface Keeping {
  readonly generation: Pick<PlayableGeneration, 'complete'>;
  readonly grant: Pick<Grant, 'isPrivate'>;
  /** The URL names the generation. */
  readonly pinned: boolean;
}

/** Of what never changes under a URL that names its generation, and is `revisable` under another. */
export function lasting(keeping: Keeping, ttlSeconds: number): string {
  if (!keeping.pinned) return revisable(keeping, ttlSeconds);
  return `${keptBy(keeping)}, max-age=31536000, immutable`;
}

/**
 * Of what a generation says or points at under a URL that another generation may take over: short while it is encoded, and
 * never longer than a minute, because the asset may be encoded again.
 */
export function revisable(keeping: Omit<Keeping, 'pinned'>, ttlSeconds: number): string {
  return `${keptBy(keeping)}, max-age=${Math.min(ttlSeconds, keeping.generation.complete ? 60 : 1)}`;
}

/** A cache that viewers share asks nobody for a token. */
function keptBy({ grant }: Pick<Keeping, 'grant'>): string {
  return grant.isPrivate ? 'private' : 'public';
}
