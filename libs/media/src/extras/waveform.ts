import { KerkisError } from '@kerkis/errors';
import type { EncodeSettings } from '../encode/video-args.ts';
import type { SourceInfo } from '../probe/source-info.ts';
import { type ExtraOptions, ffmpegOutput, plainOutput } from './run.ts';
import { sampleCountOf, soundOf, wholeSoundArgs } from './whole-sound.ts';

/** What to draw. */
export interface WaveformRequest {
  /** Stream index in the source; by default the sound that players choose. */
  readonly streamIndex?: number;
  /** Most points, 100 to 8,000; 4,000 by default. */
  readonly maxPoints?: number;
}

/**
 * Peaks of the sound, mixed to mono, in the JSON data format of BBC's audiowaveform, which peaks.js and wavesurfer take
 * (https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md).
 */
export interface Waveform {
  readonly version: 2;
  readonly channels: 1;
  readonly sample_rate: number;
  /** How many samples each point stands for. */
  readonly samples_per_pixel: number;
  readonly bits: 8;
  /** Number of points. */
  readonly length: number;
  /** Lowest and highest sample of each point, -128 to 127. */
  readonly data: readonly number[];
}

/** Fewer samples than this make no peak. */
const minSamplesPerPoint = 64;

/** Arguments of the ffmpeg that writes the sound as mono 16-bit samples to file descriptor 3. */
export function waveformArgs(
  source: SourceInfo,
  { streamIndex }: WaveformRequest,
  settings: EncodeSettings,
): string[] {
  const sound = { streamIndex, sampleRate: rateOf(source, streamIndex), channelLayout: 'mono' } as const;
  const output = ['-c:a', 'pcm_s16le', ...plainOutput, '-f', 's16le', 'pipe:3'];
  return [...wholeSoundArgs(source, sound, settings), ...output];
}

/**
 * Draws the sound of the whole presentation in constant memory.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_SOUND, `internal` ENCODER_OUTPUT_UNEXPECTED, or what `startFfmpeg` rejects with.
 */
export async function makeWaveform(
  source: SourceInfo,
  request: WaveformRequest,
  options: ExtraOptions,
): Promise<Waveform> {
  const sampleRate = rateOf(source, request.streamIndex);
  const samples = sampleCountOf(source, sampleRate);
  const maxPoints = Math.min(8000, Math.max(100, Math.floor(request.maxPoints ?? 4000)));
  const samplesPerPoint = Math.max(minSamplesPerPoint, Math.ceil(samples / maxPoints));
  const peaks = new PeakMeter(samplesPerPoint);
  const args = waveformArgs(source, request, options);
  for await (const chunk of ffmpegOutput(args, options, { readable: [options.sourcePath] })) peaks.add(chunk);
  const data = peaks.finish();
  const length = Math.ceil(samples / samplesPerPoint);
  if (data.length !== length * 2) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_UNEXPECTED',
      `The sound has ${data.length / 2} points and not ${length}.`,
    );
  }
  return {
    version: 2,
    channels: 1,
    sample_rate: sampleRate,
    samples_per_pixel: samplesPerPoint,
    bits: 8,
    length,
    data,
  };
}

/** The source's own rate, so that it need not be resampled, up to 48 kHz. */
function rateOf(source: SourceInfo, streamIndex: number | undefined): number {
  return Math.min(48_000, soundOf(source, streamIndex).sampleRate);
}

/** Lowest and highest of each so many little-endian 16-bit samples, which come in pieces of any size. */
class PeakMeter {
  readonly #samplesPerPoint: number;
  readonly #data: number[] = [];
  #low = 32_767;
  #high = -32_768;
  #count = 0;
  /** First byte of a sample that was cut in two. */
  #half: number | undefined;

  constructor(samplesPerPoint: number) {
    this.#samplesPerPoint = samplesPerPoint;
  }

  add(chunk: Buffer): void {
    let at = 0;
    if (this.#half !== undefined && chunk.length > 0) {
      this.#sample((chunk.readInt8(0) << 8) | this.#half);
      this.#half = undefined;
      at = 1;
    }
    for (; at + 1 < chunk.length; at += 2) this.#sample(chunk.readInt16LE(at));
    if (at < chunk.length) this.#half = chunk.readUInt8(at);
  }

  finish(): number[] {
    if (this.#count > 0) this.#point();
    return this.#data;
  }

  #sample(value: number): void {
    if (value < this.#low) this.#low = value;
    if (value > this.#high) this.#high = value;
    if (++this.#count === this.#samplesPerPoint) this.#point();
  }

  #point(): void {
    this.#data.push(this.#low >> 8, this.#high >> 8);
    this.#low = 32_767;
    this.#high = -32_768;
    this.#count = 0;
  }
}
