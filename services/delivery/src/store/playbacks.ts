import { KerkisError } from '@kerkis/errors';
import { generationOfToken } from '../domain/generation-token.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { Playback } from '../domain/playback.ts';
import { admit, type Playing } from '../domain/playback.ts';
import type { Lookup } from './lookup.ts';

/** A playback that a viewer was let in to, and the generation that the URL names. */
interface View {
  readonly playing: Playing;
  readonly generation: PlayableGeneration;
  /** The URL names the generation: what is below never changes. */
  readonly pinned: boolean;
}

/** Opens what a URL names for a viewer: errors of `admit`, and `not_found` GENERATION_NOT_FOUND. */
export type OpenView = (playbackId: string, token: string | null) => Promise<View>;

export function viewsOf(playbacks: Lookup<Playback>, generations: Lookup<PlayableGeneration>): OpenView {
  return async (playbackId, token) => {
    const playing = admit(await playbacks.get(playbackId));
    if (token === null) return { playing, generation: playing.generation, pinned: false };
    if (token === playing.generation.token) return { playing, generation: playing.generation, pinned: true };
    // A player that began before the asset was encoded again goes on with what it began with.
    const id = generationOfToken(token);
    const generation = id === undefined ? undefined : await generations.get(id);
    if (generation?.assetId !== playing.assetId) throw generationNotFound();
    return { playing, generation, pinned: true };
  };
}

/** `not_found` GENERATION_NOT_FOUND. */
export function generationNotFound(): KerkisError {
  return new KerkisError(
    'not_found',
    'GENERATION_NOT_FOUND',
    'The generation that this URL names is not one of this playback ID. Load the manifest again.',
  );
}
