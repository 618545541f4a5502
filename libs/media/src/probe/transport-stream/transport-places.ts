import { type ByteSource, SamplingRefusal } from '../sampled/byte-source.ts';
import type { Place, PlacedContainer } from '../sampled/places.ts';
import { type PesHeader, pesHeaderAt, secondsSince, ticksPerSecond, wrapTicks } from './program-clock.ts';

const syncByte = 0x47;
/** Packets as they are, with a time code before each, and with parity after each. */
const packetSizes = [188, 192, 204] as const;
/** How much is searched at once, and at most for one place. */
const searchPackets = 128;
const maxSearchBytes = 4 * 1024 ** 2;
/** Where the first picture is looked for. */
const headBytes = 2 * 1024 ** 2;

/** Where packets are in a file, with what stands before or after each. */
interface PacketGrid {
  readonly size: number;
  readonly first: number;
  /** Byte of each at which the packet itself begins. */
  readonly syncAt: number;
}

/** Starts of pictures (or of sound, where there are none) in an MPEG transport stream as places where reading may begin. Throws SamplingRefusal. */
export async function transportPlaces(source: ByteSource): Promise<PlacedContainer> {
  const head = await source.read(0, headBytes);
  const grid = findGrid(head);
  const starts = [...pesStarts(head, grid, grid.first)];
  const reference = starts.find(({ pes }) => pes.isPicture) ?? starts[0];
  if (reference === undefined) throw new SamplingRefusal('there is no time stamp');
  const { pid, pes } = reference;
  const pictures: number[] = [];

  return {
    head: Buffer.alloc(0),
    start: 0,
    end: source.sizeBytes,
    async placeAfter(at, before) {
      const step = searchPackets * grid.size;
      const from = grid.first + Math.max(0, Math.ceil((at - grid.first) / grid.size)) * grid.size;
      for (let next = from; next < before; next += step) {
        if (next - from > maxSearchBytes) throw new SamplingRefusal('a place is far away');
        const bytes = await source.read(next, step);
        for (const found of pesStarts(bytes, grid, 0)) {
          if (found.pid !== pid || found.pes.isPicture !== pes.isPicture) continue;
          if (next + found.at >= before) return undefined;
          const place = placeOf(next + found.at, found.pes.pts);
          if (pes.isPicture) pictures.push(place.seconds);
          return place;
        }
      }
      return undefined;
    },
    pictureSeconds: () => pictures,
    placeSeconds: 8,
    keyframeSeconds: [],
    wrapSeconds: wrapTicks / ticksPerSecond,
  };

  function placeOf(at: number, pts: number): Place {
    return { at, seconds: pes.pts / ticksPerSecond + secondsSince(pes.pts, pts) };
  }
}

function findGrid(head: Buffer): PacketGrid {
  for (const size of packetSizes) {
    for (let first = 0; first < size; first++) {
      let packets = 0;
      while (packets < 8 && head[first + packets * size] === syncByte) packets++;
      const syncAt = size === 192 && first >= 4 ? 4 : 0;
      if (packets === 8) return { size, syncAt, first: first - syncAt };
    }
  }
  throw new SamplingRefusal('there are no packets');
}

/** Packets in which a PES packet with a time stamp starts. Throws SamplingRefusal when packets are not where they should be. */
function* pesStarts(
  bytes: Buffer,
  { size, syncAt }: PacketGrid,
  first: number,
): Generator<{ at: number; pid: number; pes: PesHeader }> {
  for (let unit = first; unit + size <= bytes.length; unit += size) {
    const at = unit + syncAt;
    if (bytes[at] !== syncByte) throw new SamplingRefusal('packets are out of step');
    const flags = bytes.readUInt16BE(at + 1);
    const control = (bytes[at + 3] as number) & 0x30;
    const isStart = (flags & 0xc000) === 0x4000;
    if (!isStart || (control & 0x10) === 0) continue;
    const payload = at + 4 + (control & 0x20 ? 1 + (bytes[at + 4] as number) : 0);
    const pes = payload < at + 188 ? pesHeaderAt(bytes, payload) : undefined;
    if (pes !== undefined) yield { at: unit, pid: flags & 0x1fff, pes };
  }
}
