import type { PlayableGeneration } from './playable-generation.ts';

/** Of what never changes under its URL. */
export const immutable = 'public, max-age=31536000, immutable';

/**
 * Of what a generation says or points at under a URL that another generation may take over: short while it is encoded, and
 * never longer than a minute, because the asset may be encoded again.
 */
export function revisable({ complete }: Pick<PlayableGeneration, 'complete'>, ttlSeconds: number): string {
  return `public, max-age=${Math.min(ttlSeconds, complete ? 60 : 1)}`;
}
