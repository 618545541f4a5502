import { KerkisError } from '@kerkis/errors';
import { soundFilters } from '../encode/audio-args.ts';
import type { EncodeSettings } from '../encode/video-args.ts';
import type { AudioSource, SourceInfo } from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { quietArgs } from './run.ts';

/** What becomes of the sound of a whole source. */
export interface WholeSound {
  /** Stream index in the source; by default the sound that players choose. */
  readonly streamIndex?: number | undefined;
  /** Samples per second. */
  readonly sampleRate: number;
  readonly channelLayout: 'mono' | 'stereo' | '5.1';
  /** Filters after that. */
  readonly filters?: readonly string[];
}

/** The stream that is meant. Throws KerkisError `unsupported` SOURCE_HAS_NO_SOUND. */
export function soundOf(source: SourceInfo, streamIndex?: number): AudioSource {
  const found =
    streamIndex === undefined
      ? (source.audios.find(({ isDefault }) => isDefault) ?? source.audios[0])
      : source.audios.find(({ index }) => index === streamIndex);
  if (found === undefined) {
    throw new KerkisError('unsupported', 'SOURCE_HAS_NO_SOUND', 'The source has no such sound.');
  }
  return found;
}

/** Samples of the whole presentation. */
export function sampleCountOf(source: SourceInfo, sampleRate: number): number {
  return Math.max(1, Math.round(source.durationSeconds * sampleRate));
}

/**
 * Arguments of an ffmpeg up to its output: `[a]` is the sound from presentation time zero to the end, exactly as long as the
 * presentation, in constant memory. Pictures are not decoded.
 */
export function wholeSoundArgs(source: SourceInfo, sound: WholeSound, settings: EncodeSettings): string[] {
  const stream = soundOf(source, sound.streamIndex);
  const { sampleRate, channelLayout } = sound;
  const samples = sampleCountOf(source, sampleRate);
  const filters = [
    ...soundFilters(source, { sampleRate }, stream, 0, samples),
    `aformat=sample_fmts=fltp:sample_rates=${sampleRate}:channel_layouts=${channelLayout}`,
    ...['apad', `atrim=end_sample=${samples}`, 'asetpts=N'],
    ...(sound.filters ?? []),
  ];
  return [
    ...[...quietArgs, '-filter_complex_threads', '1'],
    ...['-copyts', '-threads', '1', '-vn', '-sn', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
    ...['-filter_complex', `[0:${stream.index}]${filters.join(',')}[a]`, '-map', '[a]'],
  ];
}
