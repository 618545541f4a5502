import {
  AssetState,
  type Encryption,
  type LookUpPlaybackIdResponse,
  type PlaybackPolicy,
} from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import { type PlayableGeneration, playableGeneration } from './playable-generation.ts';

/** What the catalog says about a playback ID. */
export interface Playback {
  readonly playbackId: string;
  readonly policy: PlaybackPolicy;
  /** How it is encrypted on its way; never changes. */
  readonly encryption: Encryption;
  readonly assetId: string;
  readonly title: string;
  readonly state: AssetState;
  readonly durationMs: number;
  /** W3C trace context in which the asset began; empty when nothing was traced. */
  readonly traceParent: string;
  /** Why the asset failed. */
  readonly failure?: { readonly reason: string; readonly message: string };
  /** The generation that plays; absent while there is none, and when it failed. */
  readonly generation?: PlayableGeneration;
}

/** A playback that has something to play. */
export type Playing = Playback & { readonly generation: PlayableGeneration };

/** The answer of the catalog in the edge's terms. `not_found` PLAYBACK_ID_NOT_FOUND for an asset that is being deleted. */
export function toPlayback({ playbackId, asset, generation }: LookUpPlaybackIdResponse): Playback {
  if (!playbackId || !asset || asset.state === AssetState.DELETING) throw playbackIdNotFound();
  const playable = generation && playableGeneration(generation);
  return {
    playbackId: playbackId.id,
    policy: playbackId.policy,
    encryption: playbackId.encryption,
    assetId: asset.id,
    title: asset.title,
    state: asset.state,
    durationMs: Number(asset.durationMs),
    traceParent: asset.traceParent,
    ...(asset.failure && { failure: { reason: asset.failure.reason, message: asset.failure.message } }),
    ...(playable && { generation: playable }),
  };
}

/**
 * What there is to play, for somebody who was let in: others learn nothing of it. Throws `unavailable` ASSET_NOT_PLAYABLE_YET,
 * `not_found` ASSET_FAILED.
 */
export function toPlaying(playback: Playback): Playing {
  const { generation, state, failure } = playback;
  if (generation) return { ...playback, generation };
  if (state === AssetState.FAILED) {
    const reason = failure?.reason ?? 'UNKNOWN';
    throw new KerkisError('not_found', 'ASSET_FAILED', `This will not play: ${failure?.message ?? reason}`, {
      details: { failureReason: reason },
    });
  }
  throw new KerkisError(
    'unavailable',
    'ASSET_NOT_PLAYABLE_YET',
    'This does not play yet: its upload or its analysis is not finished. Try again in a few seconds.',
  );
}

/** `not_found` PLAYBACK_ID_NOT_FOUND. */
export function playbackIdNotFound(): KerkisError {
  return new KerkisError('not_found', 'PLAYBACK_ID_NOT_FOUND', 'There is no such playback ID.');
}
