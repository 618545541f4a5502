import { create, equals } from '@bufbuild/protobuf';
import { timestampFromDate, timestampMs } from '@bufbuild/protobuf/wkt';
import { type Generation, GenerationSchema, GenerationState } from '@kerkis/contracts/catalog';
import {
  type Artefacts,
  type Failure,
  type Grid,
  type Profile,
  ProfileSchema,
  type Track,
} from '@kerkis/contracts/media';

/** A generation that is asked for. */
export function newGeneration(id: string, assetId: string, profile: Profile, now: Date): Generation {
  return create(GenerationSchema, {
    id,
    assetId,
    profile,
    state: GenerationState.REQUESTED,
    createTime: timestampFromDate(now),
    requestTime: timestampFromDate(now),
    updateTime: timestampFromDate(now),
  });
}

/** When it was last asked for, milliseconds since 1970. */
export function requestedAtMs({ requestTime, createTime }: Generation): number {
  const time = requestTime ?? createTime;
  return time ? timestampMs(time) : 0;
}

/** Whether this is told by a run of its job that is over by now. */
export function isOfFormerRun(generation: Generation, run: number): boolean {
  return run > 0 && run < generation.run;
}

/** Whether this is told by a run of its job of which the plan has not arrived. */
export function isOfLaterRun(generation: Generation, run: number): boolean {
  return run > generation.run;
}

/** Whether what this run tells is about a plan that is not known yet. */
export function lacksPlan(generation: Generation, run: number): boolean {
  if (generation.state === GenerationState.REQUESTED) return true;
  return generation.state === GenerationState.PLANNED && isOfLaterRun(generation, run);
}

/** Its plan is known: REQUESTED → PLANNED. Undefined when there is nothing to do. */
export function planned(
  generation: Generation,
  plan: { jobId: string; grid: Grid; tracks: Track[]; run: number },
  now: Date,
): Generation | undefined {
  if (generation.state !== GenerationState.REQUESTED || isOfFormerRun(generation, plan.run)) return undefined;
  const state = GenerationState.PLANNED;
  return { ...generation, ...plan, tracksRevision: 0n, state, updateTime: timestampFromDate(now) };
}

/**
 * What manifests show changed. Of a track that is complete by now the measured values stay. Undefined for an old revision, and for a
 * generation that is not being made.
 */
export function tracksRevised(
  generation: Generation,
  revised: { tracks: Track[]; revision: bigint },
  now: Date,
): Generation | undefined {
  if (generation.state !== GenerationState.PLANNED || revised.revision <= generation.tracksRevision) {
    return undefined;
  }
  const known = new Map(generation.tracks.map((track) => [track.name, track]));
  const tracks = revised.tracks.map((track) => {
    const before = known.get(track.name);
    return before?.complete && !track.complete ? { ...before, offered: track.offered } : track;
  });
  return { ...generation, tracks, tracksRevision: revised.revision, updateTime: timestampFromDate(now) };
}

/** Its request was told again, since nothing moved. Undefined when it is past that. */
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
  result: { tracks: Track[]; hasPoster: boolean; artefacts?: Artefacts },
  now: Date,
): Generation | undefined {
  if (generation.state !== GenerationState.PLANNED) return undefined;
  return { ...generation, ...result, state: GenerationState.COMPLETE, updateTime: timestampFromDate(now) };
}

/** It will not be complete: REQUESTED or PLANNED → FAILED. Undefined for the failure of a former run. */
export function failed(
  generation: Generation,
  { failure, run }: { failure: Failure; run: number },
  now: Date,
): Generation | undefined {
  if (!isOpen(generation) || isOfFormerRun(generation, run)) return undefined;
  const state = GenerationState.FAILED;
  const last = Math.max(run, generation.run);
  return { ...generation, failure, run: last, state, updateTime: timestampFromDate(now) };
}

/**
 * It is made again by a later run: → REQUESTED, planned anew, also when the failure of the run before has not arrived yet. Undefined for one that
 * is complete, and when that is no news.
 */
export function restarted(generation: Generation, run: number, now: Date): Generation | undefined {
  const hasFailed = generation.state === GenerationState.FAILED;
  const isNews = run > 0 ? isOfLaterRun(generation, run) : hasFailed;
  if (!isNews || !(hasFailed || isOpen(generation))) return undefined;
  const { failure: _, ...rest } = generation;
  const next = Math.max(run, generation.run);
  return { ...rest, run: next, state: GenerationState.REQUESTED, updateTime: timestampFromDate(now) };
}

/** Whether two profiles make the same of a source, whatever they are called. */
export function makesTheSame(a: Profile, b: Profile): boolean {
  return equals(ProfileSchema, content(a), content(b));
}

/** What a profile makes, without what only tells it from others. */
export function content({ createTime: _, ...profile }: Profile): Profile {
  return { ...profile, name: '', builtIn: false };
}

/** Somebody asked for what it is or will be: it plays, once it is complete. Undefined for one that failed or is to go. */
export function requestedAgain(generation: Generation, now: Date): Generation | undefined {
  if (!isOpen(generation) && generation.state !== GenerationState.COMPLETE) return undefined;
  const { supersedeTime: _, ...rest } = generation;
  return { ...rest, requestTime: timestampFromDate(now), updateTime: timestampFromDate(now) };
}

/** Whether a change of it may change which generation its asset plays. */
export function isNewsForAsset(before: Generation, after: Generation): boolean {
  if (after.state !== GenerationState.COMPLETE) return false;
  return before.state !== GenerationState.COMPLETE || requestedAtMs(before) !== requestedAtMs(after);
}

/** Another one plays: from now on it only serves players that began with it. */
export function superseded(generation: Generation, now: Date): Generation | undefined {
  if (generation.state !== GenerationState.COMPLETE || generation.supersedeTime) return undefined;
  return { ...generation, supersedeTime: timestampFromDate(now), updateTime: timestampFromDate(now) };
}

/** It plays, whatever was said. */
export function playsAfterAll(generation: Generation, now: Date): Generation | undefined {
  const { supersedeTime, ...rest } = generation;
  if (!supersedeTime || generation.state !== GenerationState.COMPLETE) return undefined;
  return { ...rest, updateTime: timestampFromDate(now) };
}

/** It was superseded before the given time: COMPLETE → DELETING. */
export function collected(generation: Generation, supersededBefore: Date, now: Date): Generation | undefined {
  const { state, supersedeTime } = generation;
  if (state !== GenerationState.COMPLETE || !supersedeTime) return undefined;
  if (timestampMs(supersedeTime) > supersededBefore.getTime()) return undefined;
  return { ...generation, state: GenerationState.DELETING, updateTime: timestampFromDate(now) };
}

/** Its deletion was told again. Undefined when it is not to go. */
export function deletionAskedAgain(generation: Generation, now: Date): Generation | undefined {
  if (generation.state !== GenerationState.DELETING) return undefined;
  return { ...generation, updateTime: timestampFromDate(now) };
}
