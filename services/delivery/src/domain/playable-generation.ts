import { createHash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { type Generation, GenerationSchema, GenerationState } from '@kerkis/contracts/catalog';
import type { Artefacts, Download, Storyboard } from '@kerkis/contracts/media';
import { KerkisError } from '@kerkis/errors';
import { type IFrames, type Presentation, targetDurationSeconds } from '@kerkis/hls';
import { generationToken } from './generation-token.ts';
import { offeredTracks } from './offered-tracks.ts';
import { type PlayableTrack, playableTrack } from './playable-track.ts';
import { storyboardOf } from './storyboard.ts';

/** A generation as the edge serves it, prepared once for each state that the catalog gives. */
export interface PlayableGeneration {
  readonly id: string;
  readonly assetId: string;
  /** What its URLs carry, see `generationToken`. */
  readonly token: string;
  /** Every segment is stored; nothing about it changes any more. */
  readonly complete: boolean;
  readonly hasPoster: boolean;
  readonly hasWaveform: boolean;
  readonly storyboard: Storyboard | undefined;
  /** Files to download, by their names. */
  readonly downloads: ReadonlyMap<string, Download>;
  readonly durationMs: number;
  /** Changes with anything that a manifest shows. */
  readonly fingerprint: string;
  /** Every track, by its name, offered or not. */
  readonly tracks: ReadonlyMap<string, PlayableTrack>;
  /** What manifests offer. */
  readonly presentation: Presentation;
  /** The EXT-X-TARGETDURATION that its playlists share. */
  readonly targetSeconds: number;
}

/** What a viewer of whom nothing is known can be expected to have: Apple's authoring specification begins here, too. */
const usualBandwidthBps = 2_000_000;

/** Undefined for a generation that is not planned yet, has failed, or is being deleted. */
export function playableGeneration(generation: Generation): PlayableGeneration | undefined {
  const { id, assetId, state, grid, artefacts } = generation;
  const complete = state === GenerationState.COMPLETE;
  if (!grid || !(complete || state === GenerationState.PLANNED)) return undefined;
  const durationMs = Number(grid.durationMs);
  const known = generation.tracks.flatMap((told) => {
    const playable = playableTrack(told, durationMs);
    return playable ? [{ told, playable }] : [];
  });
  const offered = new Set(complete ? generation.tracks : offeredTracks(generation.tracks));
  const tracks = known.map(({ playable }) => playable.track);
  return {
    id,
    assetId,
    token: generationToken(id),
    complete,
    hasPoster: generation.hasPoster || artefacts?.poster === true,
    hasWaveform: artefacts?.waveform === true,
    storyboard: storyboardOf(artefacts?.storyboard),
    downloads: new Map(artefacts?.downloads.map((download) => [download.name, download])),
    durationMs,
    fingerprint: createHash('sha256')
      .update(toBinary(GenerationSchema, generation))
      .digest('base64url')
      .slice(0, 22),
    tracks: new Map(known.map(({ playable }) => [playable.track.name, playable])),
    presentation: {
      durationMs,
      tracks: known.filter(({ told }) => offered.has(told)).map(({ playable }) => playable.track),
      iframes: iframesOf(artefacts),
      // While it is encoded, the smallest is what nobody waits for.
      startBandwidthBps: complete ? usualBandwidthBps : 0,
    },
    targetSeconds: targetDurationSeconds(tracks),
  };
}

function iframesOf(artefacts: Artefacts | undefined): IFrames | undefined {
  if (!artefacts?.iframes) return undefined;
  const { track, peakBandwidthBps, averageBandwidthBps } = artefacts.iframes;
  return {
    track,
    peakBandwidthBps: Number(peakBandwidthBps),
    averageBandwidthBps: Number(averageBandwidthBps),
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
