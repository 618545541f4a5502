import { KerkisError } from '@kerkis/errors';
import type { EncodeSettings } from '../encode/video-args.ts';
import type { SourceInfo } from '../probe/source-info.ts';
import { title as cleanTitle } from '../probe/stream-description.ts';
import { id3Title, infoFrame, mp3FrameBytes, samplesPerMp3Frame } from './mp3-frames.ts';
import { type ExtraOptions, ffmpegOutput, plainOutput } from './run.ts';
import { sampleCountOf, soundOf, wholeSoundArgs } from './whole-sound.ts';

/** What becomes an MP3. */
export interface Mp3Request {
  /** Stream index in the source; by default the sound that players choose. */
  readonly streamIndex?: number;
  /** Constant bitrate, 32,000 to 320,000; 192,000 by default. */
  readonly bitrateBps?: number;
  /** Makes the sound louder, or softer when negative; 0 dB by default. */
  readonly gainDb?: number;
  readonly title?: string;
}

/** Arguments of the ffmpeg that writes MP3 frames alone to file descriptor 3. */
export function mp3Args(source: SourceInfo, request: Mp3Request, settings: EncodeSettings): string[] {
  const stream = soundOf(source, request.streamIndex);
  const sound = {
    streamIndex: stream.index,
    sampleRate: rateOf(source, request),
    channelLayout: stream.channels === 1 ? 'mono' : 'stereo',
    filters: request.gainDb ? [`volume=${request.gainDb}dB:precision=float`] : [],
  } as const;
  const bitrateBps = Math.min(320_000, Math.max(32_000, request.bitrateBps ?? 192_000));
  return [
    ...wholeSoundArgs(source, sound, settings),
    ...['-c:a', 'libmp3lame', '-b:a', `${bitrateBps}`, ...plainOutput],
    ...['-f', 'mp3', '-id3v2_version', '0', '-write_id3v1', '0', '-write_xing', '0', 'pipe:3'],
  ];
}

/**
 * Encodes the sound of a source, from the start of the presentation to its end, as MP3 in constant memory. The file starts with its
 * title and a frame that tells players its exact length, so that they take off what the encoder puts around the sound.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_SOUND, `internal` ENCODER_OUTPUT_UNEXPECTED, or what `startFfmpeg` rejects with.
 */
export async function* makeMp3(
  source: SourceInfo,
  request: Mp3Request,
  options: ExtraOptions,
): AsyncGenerator<Buffer> {
  const args = mp3Args(source, request, options);
  const samples = sampleCountOf(source, rateOf(source, request));
  const frames = framesOf(samples);
  const title = cleanTitle(request.title);
  const counter = new FrameCounter();
  let rest: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of ffmpegOutput(args, options, { readable: [options.sourcePath] })) {
    counter.add(chunk);
    if (rest === undefined) {
      yield chunk;
      continue;
    }
    rest = Buffer.concat([rest, chunk]);
    if (rest.length < 4) continue;
    if (title !== undefined) yield id3Title(title);
    const padding = frames * samplesPerMp3Frame - samples - encoderDelay;
    yield infoFrame(rest, { frames, delay: encoderDelay, padding });
    yield rest;
    rest = undefined;
  }
  if (counter.frames !== frames || !counter.isWhole) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_UNEXPECTED',
      `The MP3 has ${counter.frames} frames and not ${frames}.`,
    );
  }
}

/** Samples of silence that LAME puts first (`ENCDELAY` in its encoder.h). */
const encoderDelay = 576;

/** LAME fills up the last frame, and adds one when less than its delay would be filled up (`lame_encode_flush`). */
function framesOf(samples: number): number {
  const end = samples + encoderDelay;
  const padding = samplesPerMp3Frame - (end % samplesPerMp3Frame);
  return (end + padding) / samplesPerMp3Frame + (padding < encoderDelay ? 1 : 0);
}

/** MPEG-1 rates, for which all bitrates exist. */
function rateOf(source: SourceInfo, { streamIndex }: Mp3Request): number {
  return soundOf(source, streamIndex).sampleRate === 44_100 ? 44_100 : 48_000;
}

/** Counts frames as their bytes go by. */
class FrameCounter {
  frames = 0;
  #header: Buffer = Buffer.alloc(0);
  /** Bytes of the current frame that are still to come. */
  #missing = 0;

  get isWhole(): boolean {
    return this.#missing === 0 && this.#header.length === 0;
  }

  add(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(this.#missing, chunk.length - at);
      at += skipped;
      this.#missing -= skipped;
      const taken = chunk.subarray(at, at + 4 - this.#header.length);
      at += taken.length;
      this.#header = Buffer.concat([this.#header, taken]);
      if (this.#header.length < 4) continue;
      this.#missing = mp3FrameBytes(this.#header) - 4;
      this.#header = Buffer.alloc(0);
      this.frames++;
    }
  }
}
