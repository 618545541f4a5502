import { type ByteSource, SamplingRefusal } from '../sampled/byte-source.ts';
import { afterId3, sniffBytes } from '../sniff.ts';
import type { SoundPackets } from './sound-packets.ts';

const maxBlocks = 128;
const lastBlock = 0x80;
/** So much sound ffprobe reads. */
const headBytes = 512 * 1024;
/** The last frame is shorter: 65,535 samples of some channels are no usual one. */
const tailBytes = 192 * 1024;

/** Reads from the header of a FLAC how long it is, and whether its last frame is there: RFC 9639. Throws SamplingRefusal. */
export async function flacPackets(source: ByteSource): Promise<SoundPackets> {
  const start = afterId3(await source.read(0, sniffBytes));
  const info = await source.read(start, 42);
  if (info.length < 42 || info.toString('latin1', 0, 4) !== 'fLaC' || ((info[4] as number) & 0x7f) !== 0)
    throw new SamplingRefusal('there is no description');
  const blockSize = info.readUInt16BE(8);
  const sampleRate = info.readUIntBE(18, 3) >> 4;
  const samples = ((info[21] as number) & 0xf) * 2 ** 32 + info.readUInt32BE(22);
  if (info.readUInt16BE(10) !== blockSize || blockSize < 16 || sampleRate === 0 || samples === 0)
    throw new SamplingRefusal('the length is not known');
  const packets = Math.ceil(samples / blockSize);
  if (!(await endsWithFrame(source, packets - 1)))
    throw new SamplingRefusal('the last frame is not at the end');
  return {
    headEnd: Math.min((await endOfBlocks(source, start + 4)) + headBytes, source.sizeBytes),
    stepSeconds: blockSize / sampleRate,
    packets,
    lastPart: (samples - (packets - 1) * blockSize) / blockSize,
  };
}

async function endOfBlocks(source: ByteSource, start: number): Promise<number> {
  let at = start;
  for (let count = 0; count < maxBlocks; count++) {
    const head = await source.read(at, 4);
    if (head.length < 4) break;
    at += 4 + head.readUIntBE(1, 3);
    if ((head[0] as number) & lastBlock) return at;
  }
  throw new SamplingRefusal('the description does not end');
}

/** Whether the file ends with the whole frame of this number. */
async function endsWithFrame(source: ByteSource, number: number): Promise<boolean> {
  const tail = await source.read(Math.max(0, source.sizeBytes - tailBytes), tailBytes);
  for (let at = tail.lastIndexOf(0xff); at >= 0; at = at === 0 ? -1 : tail.lastIndexOf(0xff, at - 1)) {
    // Frames of one size begin with this, and count themselves.
    if (tail[at + 1] !== 0xf8 || codedNumberAt(tail, at + 4) !== number) continue;
    if (checksum16(tail.subarray(at)) === 0) return true;
  }
  return false;
}

/** A number that is written as UTF-8 writes a character. */
function codedNumberAt(bytes: Buffer, at: number): number | undefined {
  const first = bytes[at] ?? 0xff;
  const ones = Math.clz32(~(first << 24));
  if (ones === 0) return first;
  if (ones === 1 || ones > 6 || at + ones > bytes.length) return undefined;
  let value = first & (0x7f >> ones);
  for (let index = 1; index < ones; index++) value = value * 64 + ((bytes[at + index] as number) & 0x3f);
  return value;
}

/** Polynomial x¹⁶ + x¹⁵ + x² + 1 over a frame and its own checksum: zero when that is right. */
function checksum16(bytes: Buffer): number {
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) sum = (sum & 0x8000 ? (sum << 1) ^ 0x8005 : sum << 1) & 0xffff;
  }
  return sum;
}
