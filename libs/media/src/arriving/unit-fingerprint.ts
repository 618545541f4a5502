import { createHash } from 'node:crypto';
import { audioUnitArgs } from '../encode/audio-args.ts';
import {
  type AudioUnit,
  type EncodeUnit,
  unitAudioRung,
  unitRemuxRung,
  unitVideoRungs,
  type VideoUnit,
} from '../encode/unit.ts';
import { videoUnitArgs } from '../encode/video-args.ts';
import { audioGrid, firstAudioFrame, firstVideoFrame } from '../plan/grid.ts';
import type { MediaPlan } from '../plan/media-plan.ts';

/** What depends on the machine says nothing of the work. */
const anywhere = { sourcePath: '/', threads: 1, maxPixels: 1, maxStreams: 1 };

/**
 * Names all that a unit is made by besides the bytes of its source: two units of different plans with the same fingerprint come out
 * the same. Throws KerkisError UNIT_INVALID, and ENCODER_UNAVAILABLE for rungs in hardware.
 */
export function unitFingerprint(plan: MediaPlan, unit: EncodeUnit): string {
  return createHash('sha256')
    .update(JSON.stringify(recipe(plan, unit)))
    .digest('hex');
}

function recipe(plan: MediaPlan, unit: EncodeUnit): unknown {
  switch (unit.kind) {
    case 'video':
      return videoRecipe(plan, unit);
    case 'audio':
      return audioRecipe(plan, unit);
    case 'remux':
      return { unit, rung: unitRemuxRung(plan, unit) };
  }
}

function videoRecipe(plan: MediaPlan, unit: VideoUnit): unknown {
  const tracks = unitVideoRungs(plan, unit).map(({ name, codecs, frameRateDivisor, videoRange }) => ({
    ...{ name, codecs, videoRange },
    cuts: cuts(unit, (segment) => firstVideoFrame(plan.grid, segment, frameRateDivisor)),
  }));
  return {
    ...{ unit, tracks },
    args: withoutSeek(videoUnitArgs(plan, unit, anywhere)),
    ticksPerFrame: plan.grid.video?.ticksPerFrame,
    hdrMetadata: plan.source.video?.hdrMetadata,
  };
}

/**
 * Where decoding begins is no matter, as long as it is early enough: it hangs on the longest way between two keyframes, of which the
 * beginning of a source does not tell.
 */
function withoutSeek(args: readonly string[]): string[] {
  const options = ['-ss', '-seek_timestamp'];
  return args.filter(
    (arg, at) => ![...options, '-noaccurate_seek'].includes(arg) && !options.includes(args[at - 1] ?? ''),
  );
}

function audioRecipe(plan: MediaPlan, unit: AudioUnit): unknown {
  const { name, codec, codecs, channels, bitrateBps, language } = unitAudioRung(plan, unit);
  const { sampleRate, samplesPerFrame } = audioGrid(plan.grid, codec);
  return {
    ...{ unit, name, codec, codecs, channels, bitrateBps, language, sampleRate, samplesPerFrame },
    args: audioUnitArgs(plan, unit, anywhere),
    cuts: cuts(unit, (segment) => firstAudioFrame(plan.grid, segment, codec)),
  };
}

/** Where the segments of a unit begin, and where the last one ends. */
function cuts(
  { firstSegment, segmentCount }: EncodeUnit,
  firstFrame: (segment: number) => number,
): readonly number[] {
  return Array.from({ length: segmentCount + 1 }, (_, i) => firstFrame(firstSegment + i));
}
