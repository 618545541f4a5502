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
  #half: Buffer | undefined;

  constructor(samplesPerPoint: number) {
    this.#samplesPerPoint = samplesPerPoint;
  }

  add(chunk: Buffer): void {
    const bytes = this.#half === undefined ? chunk : Buffer.concat([this.#half, chunk]);
    const even = bytes.length & ~1;
    this.#half = even < bytes.length ? bytes.subarray(even) : undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, even);
    let low = this.#low;
    let high = this.#high;
    for (let at = 0; at < even; at += 2) {
      const value = view.getInt16(at, true);
      if (value < low) low = value;
      if (value > high) high = value;
      if (++this.#count < this.#samplesPerPoint) continue;
      this.#point(low, high);
      low = 32_767;
      high = -32_768;
    }
    this.#low = low;
    this.#high = high;
  }

  finish(): number[] {
    if (this.#count > 0) this.#point(this.#low, this.#high);
    return this.#data;
  }

  #point(low: number, high: number): void {
    this.#data.push(low >> 8, high >> 8);
    this.#count = 0;
  }
}
