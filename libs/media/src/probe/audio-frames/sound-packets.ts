import { toNumber } from '../../rational.ts';
import type { SourceBytes } from '../../source/source-bytes.ts';
import type { ProbeInput } from '../ffprobe.ts';
import { type ByteSource, bytesOfFile, SamplingRefusal } from '../sampled/byte-source.ts';
import { scanWindows } from '../sampled/scan-windows.ts';
import type { Container } from '../source-info.ts';
import { StreamClock } from '../stream-clock.ts';
import type { PickedStream, PickedStreams } from '../streams.ts';
import { flacPackets } from './flac.ts';
import { adtsPackets, mp3Packets } from './frame-walk.ts';
import { wavePackets } from './wave.ts';

/** The packets of a file that is nothing but sound, all equally long but for the last one. */
export interface SoundPackets {
  /** How many bytes of the beginning ffprobe reads. */
  readonly headEnd: number;
  /** How many packets end there, if one does. */
  readonly headPackets?: number;
  /** Length of each, if the header tells. */
  readonly stepSeconds?: number;
  readonly packets: number;
  /** Length of the last packet, as a part of the others. */
  readonly lastPart: number;
}

/** Smaller files are scanned: that takes no longer. */
const smallestBytes = 8 * 1024 ** 2;
/** Twelve hours of sound without compression have 8 GB, of which only the header is read; MP3 has a twentieth of that. */
const maxReadBytes = 1024 ** 3;

const readers: Partial<Record<Container, (source: ByteSource) => Promise<SoundPackets>>> = {
  mp3: mp3Packets,
  aac: adtsPackets,
  flac: flacPackets,
  wav: wavePackets,
};

/** What makes the clock of the only stream, once that is picked; undefined for a stream of another kind. */
type SoundClock = (picked: PickedStreams) => Map<number, StreamClock> | undefined;

/**
 * Counts the packets of a file that is nothing but sound by itself, and has ffprobe read the first ones to see how long they are. Undefined
 * when all must be scanned: the container is another one, the file is short, or something in it is not as it should be.
 */
export async function countSoundPackets(
  input: ProbeInput,
  file: SourceBytes,
  smallest = smallestBytes,
): Promise<SoundClock | undefined> {
  const reader = readers[input.container];
  if (reader === undefined || input.sizeBytes < smallest) return undefined;
  const source = bytesOfFile(file, input.sizeBytes, maxReadBytes);
  try {
    const sound = await reader(source);
    const head = await scanWindows(input, source, Buffer.alloc(0), [{ start: 0, end: sound.headEnd }]);
    return (picked) => {
      const [stream, ...others] = picked.audios;
      if (picked.video !== undefined || stream === undefined || others.length > 0) return undefined;
      const packets = head.get(stream.index)?.[0] ?? [];
      const times = packets.map(({ pts, dts }) => pts ?? dts ?? Number.NaN);
      const clock = clockOf(stream, sound, times, packets[0]?.duration ?? 0);
      return clock && new Map([[stream.index, clock]]);
    };
  } catch (error) {
    if (error instanceof SamplingRefusal) return undefined;
    throw error;
  }
}

function clockOf(
  { timeBase, raw }: PickedStream,
  { packets, headPackets, stepSeconds, lastPart }: SoundPackets,
  all: readonly number[],
  step: number,
): StreamClock | undefined {
  // Where the beginning is cut within a packet, the last ones that are read of it are none.
  const times = headPackets === undefined ? all.slice(0, -2) : all;
  const first = times[0] ?? Number.NaN;
  // The first frame of an MP3 may only describe the others.
  const leftOut = headPackets === undefined ? 0 : headPackets - times.length;
  const isSteady = times.every((time, index) => time === first + index * step);
  const isAsSaid = stepSeconds === undefined || Math.abs(step * toNumber(timeBase) - stepSeconds) < 1e-9;
  if (!isSteady || !isAsSaid || !(step > 0) || Number.isNaN(first) || (leftOut !== 0 && leftOut !== 1))
    return undefined;
  const clock = new StreamClock(timeBase, raw.start_pts);
  const count = packets - leftOut;
  const lastDuration = Math.max(1, Math.round(step * lastPart));
  clock.addAll(
    Float64Array.from({ length: count }, (_, index) => first + index * step),
    lastDuration,
    [],
  );
  return clock;
}
