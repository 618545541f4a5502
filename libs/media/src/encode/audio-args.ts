import { KerkisError } from '@kerkis/errors';
import type { AudioRung } from '../plan/audio-rungs.ts';
import { type AudioGrid, audioGrid, firstAudioFrame } from '../plan/grid.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import type { AudioCodec } from '../plan/profile.ts';
import { type AudioSource, type SourceInfo, toSourceSeconds } from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { rational } from '../rational.ts';
import { audioSeekArgs, presentationTicks } from './seek.ts';
import { type AudioUnit, unitAudioRung } from './unit.ts';
import type { EncodeSettings } from './video-args.ts';

/**
 * Frames that are encoded before and after a unit and thrown away, so that its seams are those of one encode. ffmpeg's AAC encoder
 * sets how much it quantises from frame to frame (`lambda` in aacenc.c) and needs about a hundred of them to arrive where one encode
 * would be: with 16 the seams of a pure tone had 21 dB where one encode had 35, with 128 they have the same. Opus needs 80 ms.
 */
const preRollFrames: Readonly<Record<AudioCodec, number>> = { aac: 128, opus: 16 };
const postRollFrames = 2;
/** The encoder puts one frame of its own first. */
const primingFrames = 1;
/**
 * Samples by which the decoder's output lags behind the encoder's input: ffmpeg's AAC encoder puts a frame of silence first
 * (initial_padding 1024), libopus looks 6.5 ms ahead (its pre-skip, 312 samples of 48 kHz with `-application audio`). The input
 * begins as much later, so that frame `n` holds the samples of its place on the grid.
 */
const delaySamples: Readonly<Record<AudioCodec, number>> = { aac: 1024, opus: 312 };

/** Which frames of the encoder's output belong to a unit. */
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
  const { codec } = unitAudioRung(plan, unit);
  const first = firstAudioFrame(plan.grid, unit.firstSegment, codec);
  const count = firstAudioFrame(plan.grid, unit.firstSegment + unit.segmentCount, codec) - first;
  return { first, count, skipped: Math.min(first, preRollFrames[codec]) + primingFrames };
}

/**
 * Arguments of the ffmpeg that encodes an audio unit: ADTS (AAC) or fragmented MP4 (Opus) on file descriptor 3, progress on standard output.
 * Sample 0 of the track is presentation time 0: what is missing is silence, what is too early is cut.
 */
export function audioUnitArgs(plan: MediaPlan, unit: AudioUnit, settings: EncodeSettings): string[] {
  const rung = unitAudioRung(plan, unit);
  const { source } = plan;
  const grid = audioGrid(plan.grid, rung.codec);
  const stream = source.audios.find((audio) => audio.index === rung.sourceIndex);
  if (stream === undefined) {
    throw new KerkisError('invalid', 'UNIT_INVALID', 'The source has no such audio.');
  }
  const { sampleRate, samplesPerFrame } = grid;
  const { first, count, skipped } = audioFrameRange(plan, unit);
  const from = (first - skipped) * samplesPerFrame + delaySamples[rung.codec];
  const samples = (first + count + postRollFrames) * samplesPerFrame - from;
  const target = toSourceSeconds(source.timeline, from / sampleRate);
  const hasSound = target < stream.endSeconds;
  const layout = channelLayouts[rung.codec][rung.channels];
  if (layout === undefined) {
    throw new KerkisError('invalid', 'UNIT_INVALID', `${rung.codec} has no ${rung.channels} channels.`);
  }
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
    ...(hasSound ? soundFilters(source, grid, stream, from, samples) : []),
    `aformat=sample_fmts=fltp:sample_rates=${sampleRate}:channel_layouts=${layout}`,
    ...(rung.gainDb ? [`volume=${rung.gainDb}dB:precision=float`] : []),
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
    ...encoderArgs(rung),
    ...['-flags', '+bitexact', '-fflags', '+bitexact', ...muxerArgs[rung.codec], 'pipe:3'],
  ];
}

/**
 * Source samples → `count` samples of the grid from `firstSample` on, with the clock drift of the source taken up. Sound
 * after the end is pulled to it, or silence up to it would be made for nothing.
 *
 * `first_pts` counts samples of the source. Where the rate changes, the sound begins at the last place before `firstSample` where
 * samples of both rates meet (each 147th of 44.1 kHz and each 160th of 48 kHz), so that every unit resamples in the same phase.
 *
 * Fewer channels are mixed by the coefficients of ITU-R BS.775 (centre and surround at -3 dB, no LFE), all lowered so far that full
 * scale in every channel still is full scale.
 */
export function soundFilters(
  source: SourceInfo,
  { sampleRate: rate }: Pick<AudioGrid, 'sampleRate'>,
  stream: AudioSource,
  firstSample: number,
  count: number,
): string[] {
  const ratio = rational(stream.sampleRate, rate);
  const meeting = Math.floor(firstSample / ratio.den);
  const firstSourceSample = meeting * ratio.num;
  const early = firstSample - meeting * ratio.den;
  const endTicks = Math.ceil(((firstSample + count) * stream.sampleRate) / rate);
  return [
    `asetpts='min(${presentationTicks(source.timeline, stream.sampleRate)},${endTicks})'`,
    ...(stream.sampleRate === rate ? [] : [`atrim=start_pts=${firstSourceSample}`]),
    `aresample=${rate}:async=1000:first_pts=${firstSourceSample}:rematrix_maxval=1`,
    ...(early === 0 ? [] : [`atrim=start_sample=${early}`]),
  ];
}

function encoderArgs({ codec, bitrateBps, channels }: AudioRung): string[] {
  const rate = ['-b:a', `${bitrateBps}`, '-threads', '1'];
  if (codec === 'aac') return ['-c:a', 'aac', '-profile:a', 'aac_low', ...rate];
  // Constrained: its rate is kept over a few frames, so that what manifests announce holds.
  const kind = ['-application', 'audio', '-frame_duration', '20', '-vbr', 'constrained'];
  return ['-c:a', 'libopus', ...kind, '-mapping_family', channels <= 2 ? '0' : '1', ...rate];
}

const muxerArgs: Readonly<Record<AudioCodec, readonly string[]>> = {
  aac: ['-f', 'adts'],
  // Opus has no stream format with lengths but containers; fragments of a second.
  opus: ['-f', 'mp4', '-movflags', '+cmaf+skip_trailer', '-frag_duration', '1000000'],
};

/** Channel layouts by number of channels: AAC's channel configurations, and Opus' mapping family 1. */
const channelLayouts: Readonly<Record<AudioCodec, Readonly<Record<number, string>>>> = {
  aac: { 1: 'mono', 2: 'stereo', 3: '3.0', 4: '4.0', 5: '5.0', 6: '5.1' },
  opus: { 1: 'mono', 2: 'stereo', 3: '3.0', 4: 'quad', 5: '5.0', 6: '5.1', 7: '6.1', 8: '7.1' },
};
