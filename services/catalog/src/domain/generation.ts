import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Generation, GenerationSchema, GenerationState } from '@kerkis/contracts/catalog';
import type { Failure, Grid, Profile, Track } from '@kerkis/contracts/media';

/** A generation that is asked for. */
export function newGeneration(id: string, assetId: string, profile: Profile, now: Date): Generation {
  return create(GenerationSchema, {
    id,
    assetId,
    profile,
    state: GenerationState.REQUESTED,
    createTime: timestampFromDate(now),
    updateTime: timestampFromDate(now),
  });
}

/** Its plan is known: REQUESTED → PLANNED. Undefined when there is nothing to do. */
export function planned(
  generation: Generation,
  plan: { jobId: string; grid: Grid; tracks: Track[] },
  now: Date,
): Generation | undefined {
  if (generation.state !== GenerationState.REQUESTED) return undefined;
  return { ...generation, ...plan, state: GenerationState.PLANNED, updateTime: timestampFromDate(now) };
}

/** It was asked for again. Undefined when it is past that. */
export function askedAgain(generation: Generation, now: Date): Generation | undefined {
  return isOpen(generation) ? { ...generation, updateTime: timestampFromDate(now) } : undefined;
}

/** Whether it is still to become complete. */
export function isOpen({ state }: Generation): boolean {
  return state === GenerationState.REQUESTED || state === GenerationState.PLANNED;
}

/** One track is complete, with measured bitrates. */
export function trackFinished(generation: Generation, track: Track, now: Date): Generation | undefined {
  if (generation.state !== GenerationState.PLANNED) return undefined;
  const known = generation.tracks.find((each) => each.name === track.name);
  if (!known || known.complete) return undefined;
  const tracks = generation.tracks.map((each) => (each.name === track.name ? track : each));
  return { ...generation, tracks, updateTime: timestampFromDate(now) };
}

/** Every segment is stored: PLANNED → COMPLETE. */
export function completed(
  generation: Generation,
  result: { tracks: Track[]; hasPoster: boolean },
  now: Date,
): Generation | undefined {
  if (generation.state !== GenerationState.PLANNED) return undefined;
  return { ...generation, ...result, state: GenerationState.COMPLETE, updateTime: timestampFromDate(now) };
}

/** It will not be complete: REQUESTED or PLANNED → FAILED. */
export function failed(generation: Generation, failure: Failure, now: Date): Generation | undefined {
  if (!isOpen(generation)) return undefined;
  return { ...generation, failure, state: GenerationState.FAILED, updateTime: timestampFromDate(now) };
}

/** It is made again: FAILED → REQUESTED, planned anew. */
export function restarted(generation: Generation, now: Date): Generation | undefined {
  if (generation.state !== GenerationState.FAILED) return undefined;
  const { failure: _, ...rest } = generation;
  return { ...rest, state: GenerationState.REQUESTED, updateTime: timestampFromDate(now) };
}
