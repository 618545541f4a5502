import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { KerkisError } from '@kerkis/errors';
import type { EncodeSettings } from '../encode/video-args.ts';
import type { SourceInfo } from '../probe/source-info.ts';
import { type ExtraOptions, ffmpegOutput } from './run.ts';
import { sampleCountOf, soundOf, wholeSoundArgs } from './whole-sound.ts';

/** What is measured. */
export interface LoudnessRequest {
  /** Stream index in the source; by default the sound that players choose. */
  readonly streamIndex?: number;
  /** What the stream is mixed down to before it is measured, as it will be encoded; 2 by default. */
  readonly channels?: number;
}

/** Loudness of a whole stream after EBU R128 (ITU-R BS.1770-4). */
export interface MeasuredLoudness {
  /** Integrated loudness; -70 for silence. */
  readonly integratedLufs: number;
  /** Highest true peak of all channels, rounded up; -70 for silence. */
  readonly truePeakDbtp: number;
  /** Loudness range (EBU Tech 3342). */
  readonly rangeLu: number;
}

/** What is farther below the target is hardly meant to be heard, and its noise is not. */
const maxGainDb = 30;

/** Where the scale of the meter ends: the absolute gate of BS.1770. */
const floorLufs = -70;

/** Arguments of the ffmpeg that measures: the meter's figures of the last second on file descriptor 3, of which the last ones count. */
export function loudnessArgs(
  source: SourceInfo,
  { streamIndex, channels = 2 }: LoudnessRequest,
  settings: EncodeSettings,
): string[] {
  const stream = soundOf(source, streamIndex);
  const count = Math.min(channels, stream.channels);
  // The rate at which tracks are made, so that nothing is resampled for the measurement alone.
  const sampleRate = stream.sampleRate === 44_100 ? 44_100 : 48_000;
  const lastSecond = sampleCountOf(source, sampleRate) / sampleRate - 1;
  const filters = [
    'ebur128=peak=true:metadata=1',
    `aselect='gte(t,${lastSecond.toFixed(3)})'`,
    'ametadata=mode=print:file=pipe\\\\:3',
  ];
  const sound = {
    streamIndex: stream.index,
    sampleRate,
    channelLayout: count === 1 ? 'mono' : count < 6 ? 'stereo' : '5.1',
    filters,
  } as const;
  return [...wholeSoundArgs(source, sound, settings), '-f', 'null', '-'];
}

/**
 * Measures the loudness of a stream from its start to its end. Decodes sound only.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_SOUND, `internal` ENCODER_OUTPUT_UNEXPECTED, or what `startFfmpeg` rejects with.
 */
export async function measureLoudness(
  source: SourceInfo,
  request: LoudnessRequest,
  options: ExtraOptions,
): Promise<MeasuredLoudness> {
  const args = loudnessArgs(source, request, options);
  const output = ffmpegOutput(args, options, { readable: [options.sourcePath] });
  let integrated: number | undefined;
  let range = 0;
  let peak = 0;
  for await (const line of createInterface({ input: Readable.from(output, { objectMode: false }) })) {
    const [, name = '', text = ''] =
      /^lavfi\.r128\.(I|LRA|true_peaks_ch\d+)=(-?[\d.]+|-inf|nan)$/.exec(line) ?? [];
    const value = Number(text);
    if (name === 'I') integrated = Number.isFinite(value) ? value : floorLufs;
    else if (name === 'LRA') range = Number.isFinite(value) ? value : 0;
    else if (name !== '' && value > peak) peak = value;
  }
  if (integrated === undefined) {
    throw new KerkisError('internal', 'ENCODER_OUTPUT_UNEXPECTED', 'The loudness meter gave no figures.');
  }
  // The meter writes peaks with three decimals.
  const truePeakDbtp = peak === 0 ? floorLufs : Math.max(floorLufs, 20 * Math.log10(peak + 0.0005));
  return { integratedLufs: Math.max(floorLufs, integrated), truePeakDbtp, rangeLu: range };
}

/**
 * Gain in dB that brings a stream to the target: one for the whole of it, which keeps its dynamics, and no more than lets its true
 * peak stay below that of the target. 0 for silence.
 */
export function loudnessGainDb(
  measured: Pick<MeasuredLoudness, 'integratedLufs' | 'truePeakDbtp'>,
  target: Pick<MeasuredLoudness, 'integratedLufs' | 'truePeakDbtp'>,
): number {
  if (measured.integratedLufs <= floorLufs) return 0;
  const wanted = target.integratedLufs - measured.integratedLufs;
  const headroom = target.truePeakDbtp - measured.truePeakDbtp;
  return Math.floor(Math.min(wanted, headroom, maxGainDb) * 100) / 100;
}
