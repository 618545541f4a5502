import type { CallOptions, Client } from '@connectrpc/connect';
import { AssetState, type GenerationService, type PlaybackService } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import { fromConnectError } from '@kerkis/rpc';
import {
  generationNotFound,
  type PlayableGeneration,
  playableGeneration,
} from '../domain/playable-generation.ts';
import { type Playback, playbackIdNotFound, toPlayback } from '../domain/playback.ts';
import { createLookup, type Lookup } from './lookup.ts';

type Observe = (result: 'hit' | 'miss' | 'stale') => void;

/** A viewer waits: soon after this a player asks again anyway. */
const call: CallOptions = { timeoutMs: 5_000 };
const movingTtlMs = 1_000;
const completeTtlMs = 600_000;

/** What the catalog says about playback IDs. Errors: PLAYBACK_ID_NOT_FOUND, CATALOG_UNAVAILABLE. */
export function playbackLookup(
  catalog: Pick<Client<typeof PlaybackService>, 'lookUpPlaybackId'>,
  ttlSeconds: number,
  observe: Observe,
): Lookup<Playback> {
  const readyTtlMs = Math.max(movingTtlMs, ttlSeconds * 1000);
  return createLookup({
    load: async (playbackId) =>
      toPlayback(await catalog.lookUpPlaybackId({ playbackId }, call).catch(orAbsent(playbackIdNotFound))),
    assetOf: ({ assetId }) => assetId,
    ttlMs: ({ state }) => (state === AssetState.READY ? readyTtlMs : movingTtlMs),
    observe,
  });
}

/** Generations that are not the active one of their asset. Errors: GENERATION_NOT_FOUND, CATALOG_UNAVAILABLE. */
export function generationLookup(
  catalog: Pick<Client<typeof GenerationService>, 'getGeneration'>,
  observe: Observe,
): Lookup<PlayableGeneration> {
  return createLookup({
    load: async (generationId) => {
      const found = await catalog.getGeneration({ generationId }, call).catch(orAbsent(generationNotFound));
      const playable = found.generation && playableGeneration(found.generation);
      if (!playable) throw generationNotFound();
      return playable;
    },
    assetOf: ({ assetId }) => assetId,
    ttlMs: ({ complete }) => (complete ? completeTtlMs : movingTtlMs),
    observe,
  });
}

/** The catalog says that there is none, or it does not answer: a viewer is to know no more. */
function orAbsent(absent: () => KerkisError): (caught: unknown) => never {
  return (caught) => {
    if (fromConnectError(caught).kind === 'not_found') throw absent();
    throw new KerkisError('unavailable', 'CATALOG_UNAVAILABLE', 'The catalog does not answer right now.', {
      cause: caught,
    });
  };
}
