import { KerkisError } from '@kerkis/errors';
import { firstAudioFrame } from '../plan/grid.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import { type AudioSource, toSourceSeconds } from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { rational } from '../rational.ts';
import { audioSeekArgs, presentationTicks } from './seek.ts';
import { type AudioUnit, unitAudioRung } from './unit.ts';
import type { EncodeSettings } from './video-args.ts';

/** Frames that are encoded before and after a unit and thrown away, so that its seams are those of one encode. */
const preRollFrames = 16;
const postRollFrames = 2;
/** ffmpeg's AAC encoder puts one frame of silence first (initial_padding 1024). */
const primingFrames = 1;

/** Which AAC frames of the encoder's output belong to a unit. */
export interface AudioFrameRange {
  /** First frame of the unit on the audio grid. */
  readonly first: number;
  /** How many frames the unit has. */
  readonly count: number;
  /** How many frames come out of the encoder before them. */
  readonly skipped: number;
}

/** The frames of an audio unit. Throws KerkisError `invalid` UNIT_INVALID. */
export function audioFrameRange(plan: MediaPlan, unit: AudioUnit): AudioFrameRange {
  unitAudioRung(plan, unit);
  const first = firstAudioFrame(plan.grid, unit.firstSegment);
  const count = firstAudioFrame(plan.grid, unit.firstSegment + unit.segmentCount) - first;
  return { first, count, skipped: Math.min(first, preRollFrames) + primingFrames };
}

/**
 * Arguments of the ffmpeg that encodes an audio unit: ADTS frames on file descriptor 3, progress on standard output.
 * Sample 0 of the track is presentation time 0: what is missing is silence, what is too early is cut.
 */
export function audioUnitArgs(plan: MediaPlan, unit: AudioUnit, settings: EncodeSettings): string[] {
  const rung = unitAudioRung(plan, unit);
  const { source, grid } = plan;
  const stream = source.audios.find((audio) => audio.index === rung.sourceIndex);
  if (stream === undefined || grid.audio === undefined) {
    throw new KerkisError('invalid', 'UNIT_INVALID', 'The source has no such audio.');
  }
  const { sampleRate, samplesPerFrame } = grid.audio;
  const { first, count, skipped } = audioFrameRange(plan, unit);
  const from = first - (skipped - primingFrames);
  const samples = (first + count + postRollFrames - from) * samplesPerFrame;
  const target = toSourceSeconds(source.timeline, (from * samplesPerFrame) / sampleRate);
  const hasSound = target < stream.endSeconds;
  const layout = channelLayouts[rung.channels] ?? 'stereo';
  const silence = [
    '-protocol_whitelist',
    'file',
    '-f',
    'lavfi',
    '-i',
    `anullsrc=r=${sampleRate}:cl=${layout}`,
  ];
  const recording = [
    ...audioSeekArgs(source, stream, target),
    ...['-threads', '1', '-vn', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
  ];
  const filters = [
    ...(hasSound ? soundFilters(plan, stream, from * samplesPerFrame, samples) : []),
    `aformat=sample_fmts=fltp:sample_rates=${sampleRate}:channel_layouts=${layout}`,
    'apad',
    `atrim=end_sample=${samples}`,
    'asetpts=N',
  ];
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
    ...['-filter_complex_threads', '1', '-max_error_rate', '1'],
    ...(hasSound ? recording : silence),
    ...['-filter_complex', `[0:${hasSound ? stream.index : 0}]${filters.join(',')}[a]`],
    ...['-map', '[a]', '-map_metadata', '-1', '-map_chapters', '-1'],
    ...['-c:a', 'aac', '-profile:a', 'aac_low', '-b:a', `${rung.bitrateBps}`, '-threads', '1'],
    ...['-flags', '+bitexact', '-fflags', '+bitexact', '-f', 'adts', 'pipe:3'],
  ];
}

/**
 * Source samples → `count` samples of the grid from `firstSample` on, with the clock drift of the source taken up. Sound
 * after the end is pulled to it, or silence up to it would be made for nothing.
 *
 * `first_pts` counts samples of the source. Where the rate changes, the sound begins at the last place before `firstSample`
 * where samples of both rates meet (each 160th of 48 kHz for 44.1 kHz), so that every unit resamples in the same phase.
 */
function soundFilters(
  { source, grid }: MediaPlan,
  stream: AudioSource,
  firstSample: number,
  count: number,
): string[] {
  const rate = grid.audio?.sampleRate ?? stream.sampleRate;
  const ratio = rational(stream.sampleRate, rate);
  const meeting = Math.floor(firstSample / ratio.den);
  const firstSourceSample = meeting * ratio.num;
  const early = firstSample - meeting * ratio.den;
  const endTicks = Math.ceil(((firstSample + count) * stream.sampleRate) / rate);
  return [
    `asetpts='min(${presentationTicks(source.timeline, stream.sampleRate)},${endTicks})'`,
    ...(stream.sampleRate === rate ? [] : [`atrim=start_pts=${firstSourceSample}`]),
    `aresample=${rate}:async=1000:first_pts=${firstSourceSample}`,
    ...(early === 0 ? [] : [`atrim=start_sample=${early}`]),
  ];
}

/** AAC channel configurations by number of channels. */
const channelLayouts: Readonly<Record<number, string>> = {
  1: 'mono',
  2: 'stereo',
  3: '3.0',
  4: '4.0',
  5: '5.0',
  6: '5.1',
};
