import { type ByteSource, SamplingRefusal } from '../sampled/byte-source.ts';
import { adtsFrameLength, afterId3, mpegAudioFrameLength, sniffBytes } from '../sniff.ts';
import type { SoundPackets } from './sound-packets.ts';

/** How frames of one format follow each other. */
interface FrameFormat {
  lengthAt(head: Uint8Array, at: number): number;
  /** Bits of the first four bytes that all frames have in common. */
  readonly sameBits: number;
}

/** Version, layer and sample rate. */
const mpegAudio: FrameFormat = { lengthAt: mpegAudioFrameLength, sameBits: 0xfffe_0c00 };
/** Version, profile and sample rate. */
const adts: FrameFormat = { lengthAt: adtsFrameLength, sameBits: 0xfffe_fc00 };
const headerBytes = 8;
const pieceBytes = 1024 ** 2;
/** Frames that are read by ffprobe, which may leave out the first one: a description of the others. */
const headFrames = 200;
const tagBytes = 128;

/** Goes from frame to frame of an MP3. Throws SamplingRefusal when something else stands between them. */
export const mp3Packets = (source: ByteSource): Promise<SoundPackets> => walk(source, mpegAudio);

/** The same for AAC in ADTS. */
export const adtsPackets = (source: ByteSource): Promise<SoundPackets> => walk(source, adts);

async function walk(source: ByteSource, { lengthAt, sameBits }: FrameFormat): Promise<SoundPackets> {
  const end = await endOfFrames(source);
  let at = afterId3(await source.read(0, sniffBytes));
  let packets = 0;
  let headEnd = end;
  let same: number | undefined;
  let piece: Buffer = Buffer.alloc(0);
  let pieceAt = 0;
  while (at < end) {
    if (at + headerBytes > pieceAt + piece.length) {
      piece = await source.read(at, pieceBytes);
      pieceAt = at;
    }
    const from = at - pieceAt;
    const length = from + headerBytes > piece.length ? 0 : lengthAt(piece, from);
    const bits = length === 0 ? 0 : (piece.readUInt32BE(from) & sameBits) >>> 0;
    same ??= bits;
    if (length === 0 || bits !== same || at + length > end)
      throw new SamplingRefusal('frames do not follow each other');
    at += length;
    packets++;
    if (packets === headFrames) headEnd = at;
  }
  if (packets <= headFrames) throw new SamplingRefusal('there are few frames');
  return { headEnd, headPackets: headFrames, packets, lastPart: 1 };
}

/** Where frames end: before a tag of 128 bytes, if there is one. */
async function endOfFrames(source: ByteSource): Promise<number> {
  const { sizeBytes } = source;
  const last = await source.read(Math.max(0, sizeBytes - tagBytes), 3);
  return last.toString('latin1') === 'TAG' ? sizeBytes - tagBytes : sizeBytes;
}
