import { KerkisError } from '@kerkis/errors';
import { uint32 } from '../cmaf/box.ts';

/** Samples of a frame of MPEG-1 layer III. */
export const samplesPerMp3Frame = 1152;

/** Kilobits per second and samples per second by their index in the header of a frame (ISO/IEC 11172-3, 2.4.2.3). */
const bitrates = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const sampleRates = [44_100, 48_000, 32_000];

/** Length of the frame with this header. Throws KerkisError `internal` ENCODER_OUTPUT_UNEXPECTED when it is no MPEG-1 layer III. */
export function mp3FrameBytes(header: Buffer): number {
  const word = header.readUInt32BE(0);
  const kbps = bitrates[(word >>> 12) & 15] ?? 0;
  const rate = sampleRates[(word >>> 10) & 3] ?? 0;
  if (word >>> 17 !== 0x7ffd || kbps === 0 || rate === 0) {
    throw new KerkisError('internal', 'ENCODER_OUTPUT_UNEXPECTED', 'The output of the encoder is no MP3.');
  }
  return Math.floor((144_000 * kbps) / rate) + ((word >>> 9) & 1);
}

/** What players need to know of a file. */
export interface Mp3Length {
  /** Frames after the info frame. */
  readonly frames: number;
  /** Samples that the encoder put before the sound, and after it. */
  readonly delay: number;
  readonly padding: number;
}

/**
 * A silent frame like the first one of a stream, which tells players the length of the file: Xing's header with LAME's extension
 * (http://gabriel.mp3-tech.org/mp3infotag.html).
 */
export function infoFrame(firstFrame: Buffer, { frames, delay, padding }: Mp3Length): Buffer {
  const header = Buffer.from(firstFrame.subarray(0, 4));
  // Without CRC and without padding.
  header.writeUInt8(header.readUInt8(1) | 1, 1);
  header.writeUInt8(header.readUInt8(2) & ~2, 2);
  const frame = Buffer.alloc(mp3FrameBytes(header));
  header.copy(frame);
  const isMono = header.readUInt8(3) >> 6 === 3;
  const at = 4 + (isMono ? 17 : 32);
  frame.write('Info', at, 'latin1');
  // Only the number of frames is told.
  uint32(1, frames).copy(frame, at + 4);
  const lame = at + 12;
  frame.write('LAME3.100', lame, 'latin1');
  // Revision 0, constant bitrate.
  frame.writeUInt8(1, lame + 9);
  frame.writeUIntBE(delay * 4096 + padding, lame + 21, 3);
  return frame;
}

/** An ID3v2.3 tag with a title, in UTF-16 (https://id3.org/id3v2.3.0). */
export function id3Title(title: string): Buffer {
  const text = Buffer.from(`\ufeff${title}`, 'utf16le');
  const frame = Buffer.concat([
    ...[Buffer.from('TIT2'), uint32(text.length + 1), Buffer.from([0, 0])],
    ...[Buffer.from([1]), text],
  ]);
  // Seven bits in each byte of the length.
  const length = [21, 14, 7, 0].map((shift) => (frame.length >> shift) & 127);
  return Buffer.concat([Buffer.from('ID3'), Buffer.from([3, 0, 0, ...length]), frame]);
}
