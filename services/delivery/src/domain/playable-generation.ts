import { createHash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { type Generation, GenerationSchema, GenerationState } from '@kerkis/contracts/catalog';
import { type Track as GenerationTrack, TrackKind } from '@kerkis/contracts/media';
import type { Presentation, Track } from '@kerkis/hls';
import { generationToken } from './generation-token.ts';

/** A generation as the edge serves it, prepared once for each state that the catalog gives. */
export interface PlayableGeneration {
  readonly id: string;
  readonly assetId: string;
  /** What its URLs carry, see `generationToken`. */
  readonly token: string;
  /** Every segment is stored; nothing about it changes any more. */
  readonly complete: boolean;
  readonly hasPoster: boolean;
  readonly durationMs: number;
  /** Changes with anything that a manifest shows. */
  readonly fingerprint: string;
  /** Every track, by its name, offered or not. */
  readonly tracks: ReadonlyMap<string, PlayableTrack>;
  /** What manifests offer. */
  readonly presentation: Presentation;
}

/** A track that may be asked for. */
export interface PlayableTrack {
  readonly track: Track;
  /** Segments are numbered from 1 to this. */
  readonly segmentCount: number;
  readonly contentType: string;
}

/** Undefined for a generation that is not planned yet, or has failed. */
export function playableGeneration(generation: Generation): PlayableGeneration | undefined {
  const { id, assetId, state, grid, hasPoster } = generation;
  const complete = state === GenerationState.COMPLETE;
  if (!grid || !(complete || state === GenerationState.PLANNED)) return undefined;
  const heard = generation.tracks.filter(({ kind }) => kind === TrackKind.VIDEO || kind === TrackKind.AUDIO);
  const durationMs = Number(grid.durationMs);
  return {
    id,
    assetId,
    token: generationToken(id),
    complete,
    hasPoster,
    durationMs,
    fingerprint: createHash('sha256')
      .update(toBinary(GenerationSchema, generation))
      .digest('base64url')
      .slice(0, 22),
    tracks: new Map(heard.map((track) => [track.name, playableTrack(track)])),
    presentation: { durationMs, tracks: (complete ? heard : offeredEarly(heard)).map(presentationTrack) },
  };
}

/**
 * What to offer while segments are still being made: sound, what is complete, and of each codec the smallest picture, which is made
 * first and is quickly made on demand. A player that could choose a larger one would wait for each of its segments.
 */
function offeredEarly(tracks: readonly GenerationTrack[]): GenerationTrack[] {
  const videos = tracks.filter(({ kind }) => kind === TrackKind.VIDEO);
  const byCodec = Map.groupBy(videos, ({ codec }) => codec.split('.')[0]);
  const smallest = new Set(
    [...byCodec.values()].map(
      (rungs) =>
        rungs.toSorted(
          (a, b) => pixels(a) - pixels(b) || Number(a.averageBandwidthBps - b.averageBandwidthBps),
        )[0],
    ),
  );
  return tracks.filter((track) => track.complete || track.kind === TrackKind.AUDIO || smallest.has(track));
}

function pixels({ video }: GenerationTrack): number {
  return video ? video.width * video.height : 0;
}

function playableTrack(track: GenerationTrack): PlayableTrack {
  return {
    track: presentationTrack(track),
    segmentCount: track.segments.reduce((sum, { count }) => sum + count, 0),
    contentType: track.kind === TrackKind.VIDEO ? 'video/mp4' : 'audio/mp4',
  };
}

function presentationTrack(track: GenerationTrack): Track {
  const { name, codec, timescale, video, audio } = track;
  return {
    name,
    codec,
    timescale,
    kind: track.kind === TrackKind.VIDEO ? 'video' : 'audio',
    segments: track.segments.map(({ count, duration }) => ({ count, duration: Number(duration) })),
    peakBandwidthBps: Number(track.peakBandwidthBps),
    averageBandwidthBps: Number(track.averageBandwidthBps),
    ...(video && {
      video: {
        width: video.width,
        height: video.height,
        frameRate: { num: video.frameRate?.num ?? 0, den: video.frameRate?.den ?? 0 },
      },
    }),
    ...(audio && {
      audio: {
        sampleRate: audio.sampleRate,
        channels: audio.channels,
        language: audio.language,
        label: audio.label,
        isDefault: audio.isDefault,
        ...(audio.group !== '' && { group: audio.group }),
      },
    }),
  };
}
