import { generationOfToken } from '../domain/generation-token.ts';
import type { Grant } from '../domain/grant.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import { generationNotFound } from '../domain/playable-generation.ts';
import { type Playback, type Playing, toPlaying } from '../domain/playback.ts';
import { assertGranted, type ViewedPath } from '../domain/restricted-generation.ts';
import { type Protect, protectionOf } from '../encryption/protection.ts';
import type { Lookup } from '../store/lookup.ts';

/** A playback that a viewer was let in to, and the generation that the URL names. */
interface View {
  readonly playing: Playing;
  readonly generation: PlayableGeneration;
  /** What of it the viewer may see. The path that was asked for is part of it. */
  readonly grant: Grant;
  /** The URL names the generation: what is below never changes. */
  readonly pinned: boolean;
}

/**
 * Opens what a path names for whoever asks: errors of admission, of `toPlaying`, of `Protect` and of `assertGranted`, and `not_found`
 * GENERATION_NOT_FOUND.
 */
export type OpenView<Asking extends { readonly query: URLSearchParams }> = (
  to: ViewedPath,
  asking: Asking,
) => Promise<View>;

export function viewsOf<Asking extends { readonly query: URLSearchParams }>(
  playbacks: Lookup<Playback>,
  generations: Lookup<PlayableGeneration>,
  admit: (playback: Playback, asking: Asking) => Grant | Promise<Grant>,
  protect: Protect,
): OpenView<Asking> {
  async function generationFor(playing: Playing, token: string | null): Promise<PlayableGeneration> {
    if (token === null || token === playing.generation.token) return playing.generation;
    // A player that began before the asset was encoded again goes on with what it began with.
    const id = generationOfToken(token);
    const generation = id === undefined ? undefined : await generations.get(id);
    if (generation?.assetId !== playing.assetId) throw generationNotFound();
    return generation;
  }

  return async (to, asking) => {
    const playback = await playbacks.get(to.playbackId);
    const grant = await admit(playback, asking);
    const playing = toPlaying(playback);
    const named = asking.query.get('g');
    const generation = protect(await generationFor(playing, named), playback.encryption);
    assertGranted(to, generation, grant);
    // What is encrypted is never the same with other keys.
    const isSegment = to.kind === 'init' || to.kind === 'segment';
    const tag = isSegment ? protectionOf(generation)?.tag : undefined;
    const isTagged = tag === undefined || asking.query.get('e') === tag;
    return { playing, generation, grant, pinned: named !== null && isTagged };
  };
}
