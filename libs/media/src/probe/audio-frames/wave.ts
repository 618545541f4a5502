import { type ByteSource, SamplingRefusal } from '../sampled/byte-source.ts';
import type { SoundPackets } from './sound-packets.ts';

const maxChunks = 64;
/** ffmpeg reads so much of PCM at once. */
const packetBytes = 4096;
const headPackets = 64;
/** Lengths of PCM, IEEE float, and of either with a layout of channels. */
const plainFormats: ReadonlySet<number> = new Set([1, 3, 0xfffe]);

/** Reads the length of the samples of a WAV. Throws SamplingRefusal. */
export async function wavePackets(source: ByteSource): Promise<SoundPackets> {
  if ((await source.read(0, 4)).toString('latin1') !== 'RIFF')
    throw new SamplingRefusal('the sizes are elsewhere');
  let blockBytes: number | undefined;
  let at = 12;
  for (let count = 0; count < maxChunks; count++) {
    const head = await source.read(at, 24);
    if (head.length < 8) break;
    const size = head.readUInt32LE(4);
    const type = head.toString('latin1', 0, 4);
    if (type === 'fmt ' && head.length === 24 && plainFormats.has(head.readUInt16LE(8)))
      blockBytes = head.readUInt16LE(20);
    if (type === 'data') return dataPackets(source, at + 8, size, blockBytes ?? 0);
    at += 8 + size + (size & 1);
  }
  throw new SamplingRefusal('there is no sound');
}

function dataPackets(
  { sizeBytes }: ByteSource,
  start: number,
  size: number,
  blockBytes: number,
): SoundPackets {
  if (blockBytes === 0 || blockBytes > packetBytes) throw new SamplingRefusal('samples are unusual');
  // Whoever writes while recording does not know the length, and who has lost the end keeps the old one.
  if (size === 0 || start + size > sizeBytes) throw new SamplingRefusal('the length is not known');
  const whole = Math.floor(packetBytes / blockBytes) * blockBytes;
  const packets = Math.ceil(size / whole);
  const last = size - (packets - 1) * whole;
  if (last % blockBytes !== 0 || packets <= headPackets) throw new SamplingRefusal('the length is odd');
  return { headEnd: start + headPackets * whole, headPackets, packets, lastPart: last / whole };
}
