import { KerkisError } from '@kerkis/errors';
import type { AudioRung } from '../plan/audio-rungs.ts';
import { oddSegments } from '../plan/grid.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import type { RemuxRung } from '../remux/plan-remux.ts';

/** A run of segments of some video rungs, encoded by one ffmpeg with one decode. */
export interface VideoUnit {
  readonly kind: 'video';
  /** Names of rungs in the plan's ladder. */
  readonly rungs: readonly string[];
  /** First segment, counted from zero. */
  readonly firstSegment: number;
  readonly segmentCount: number;
}

/** A run of segments of one audio rung. */
export interface AudioUnit {
  readonly kind: 'audio';
  readonly rung: string;
  readonly firstSegment: number;
  readonly segmentCount: number;
}

/** A run of segments of the remuxed rung, which has segments of its own. */
export interface RemuxUnit {
  readonly kind: 'remux';
  readonly rung: string;
  readonly firstSegment: number;
  readonly segmentCount: number;
}

/** What is made in one go. Plain data: travels in a task. */
export type EncodeUnit = VideoUnit | AudioUnit | RemuxUnit;

/** The rungs of a unit in the order of its outputs. Throws KerkisError `invalid` UNIT_INVALID for what is not planned. */
export function unitVideoRungs(plan: MediaPlan, unit: VideoUnit): VideoRung[] {
  requireRange(unit, plan.grid.segmentCount);
  if (unit.rungs.length === 0) throw invalid('It names no rung.');
  // An encoder is told one distance of keyframes.
  if (unit.segmentCount > 1 && unit.firstSegment < oddSegments(plan.grid))
    throw invalid('Segments of another length than the rest are units of their own.');
  return unit.rungs.map((name) => {
    const rung = plan.ladder.video.find((candidate) => candidate.name === name);
    if (rung === undefined) throw invalid(`The plan has no video rung ${name}.`);
    return rung;
  });
}

/** The rung of an audio unit. Throws KerkisError `invalid` UNIT_INVALID for what is not planned. */
export function unitAudioRung(plan: MediaPlan, unit: AudioUnit): AudioRung {
  requireRange(unit, plan.grid.segmentCount);
  const rung = plan.ladder.audio.find((candidate) => candidate.name === unit.rung);
  if (rung === undefined) throw invalid(`The plan has no audio rung ${unit.rung}.`);
  return rung;
}

/** The rung of a remux unit. Throws KerkisError `invalid` UNIT_INVALID for what is not planned. */
export function unitRemuxRung({ ladder }: MediaPlan, unit: RemuxUnit): RemuxRung {
  const rung = ladder.remux;
  if (rung === undefined || rung.name !== unit.rung)
    throw invalid(`The plan has no remuxed rung ${unit.rung}.`);
  requireRange(
    unit,
    rung.segments.reduce((sum, { count }) => sum + count, 0),
  );
  return rung;
}

function requireRange({ firstSegment, segmentCount }: EncodeUnit, total: number): void {
  const isInside =
    Number.isSafeInteger(firstSegment) &&
    Number.isSafeInteger(segmentCount) &&
    firstSegment >= 0 &&
    segmentCount >= 1 &&
    firstSegment + segmentCount <= total;
  if (!isInside) throw invalid(`Its segments are not within the ${total} of the track.`);
}

function invalid(why: string): KerkisError {
  return new KerkisError('invalid', 'UNIT_INVALID', `The unit of work does not fit the plan. ${why}`);
}
