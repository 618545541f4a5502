import { type BoxRange, ByteReader, boxesBetween, Mp4Refusal, onlyBox } from './byte-reader.ts';
import { maxSamples, openTable, type SampleTable } from './sample-tables.ts';

/** A `moof` of a file: its bytes with header, and where they are. */
export interface MovieFragment {
  readonly at: number;
  readonly bytes: Buffer;
}

const nonSync = 0x00010000;
const dependsOnOthers = 0x01000000;

/**
 * Samples of a track that are in fragments. Throws Mp4Refusal for fragments without a decode time, that overlap, or that leave
 * out where their data is.
 */
export function readFragments(
  moov: Buffer,
  trex: BoxRange,
  fragments: readonly MovieFragment[],
  isAudio: boolean,
  fileBytes: number,
): SampleTable {
  const defaults = readDefaults(moov, trex);
  const samples = new GrowingTable(fileBytes);
  for (const fragment of fragments) {
    const boxes = boxesBetween(fragment.bytes, 8, fragment.bytes.length);
    for (const [index, traf] of boxes.filter(({ type }) => type === 'traf').entries()) {
      readTrack(fragment, traf, index === 0, defaults, isAudio, samples);
    }
  }
  return samples.finish();
}

interface Defaults {
  readonly trackId: number;
  readonly description: number;
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

function readDefaults(moov: Buffer, trex: BoxRange): Defaults {
  const reader = openTable(moov, trex);
  const [trackId, description, duration, size, flags] = Array.from({ length: 5 }, () => reader.uint32());
  return { trackId, description, duration, size, flags } as Defaults;
}

function readTrack(
  { at, bytes }: MovieFragment,
  traf: BoxRange,
  isFirst: boolean,
  defaults: Defaults,
  isAudio: boolean,
  samples: GrowingTable,
): void {
  const boxes = boxesBetween(bytes, traf.start, traf.end);
  const tfhd = onlyBox(boxes, 'tfhd');
  const reader = new ByteReader(bytes, tfhd.start, tfhd.end);
  const flags = reader.uint32();
  if (reader.uint32() !== defaults.trackId) return;
  const runs = boxes.filter(({ type }) => type === 'trun');
  if (boxes.some(({ type }) => type === 'senc' || type === 'sbgp'))
    throw new Mp4Refusal('a fragment is unusual');
  const hasBase = (flags & 0x1) !== 0;
  if (!hasBase && !isFirst && (flags & 0x020000) === 0) throw new Mp4Refusal('a fragment has no base');
  const base = hasBase ? reader.uint64() : at;
  const description = flags & 0x2 ? reader.uint32() : defaults.description;
  if (description !== 1) throw new Mp4Refusal('a fragment has another sample description');
  const track = {
    duration: flags & 0x8 ? reader.uint32() : defaults.duration,
    size: flags & 0x10 ? reader.uint32() : defaults.size,
    flags: flags & 0x20 ? reader.uint32() : defaults.flags,
  };
  if (runs.length === 0) return;
  samples.startAt(decodeTimeOf(bytes, onlyBox(boxes, 'tfdt')));
  for (const run of runs) readRun(new ByteReader(bytes, run.start, run.end), base, track, isAudio, samples);
}

function decodeTimeOf(bytes: Buffer, { start, end }: BoxRange): number {
  const reader = new ByteReader(bytes, start, end);
  const isLong = reader.uint8() === 1;
  reader.skip(3);
  return isLong ? reader.uint64() : reader.uint32();
}

function readRun(
  reader: ByteReader,
  base: number,
  track: Pick<Defaults, 'duration' | 'size' | 'flags'>,
  isAudio: boolean,
  samples: GrowingTable,
): void {
  const flags = reader.uint32() & 0xffffff;
  const count = reader.uint32();
  const fields = [0x100, 0x200, 0x400, 0x800].filter((field) => flags & field).length;
  if (fields * 4 * count > reader.left) throw new Mp4Refusal('a run is longer than its box');
  if ((flags & 0x1) === 0) throw new Mp4Refusal('a run does not say where it is');
  let at = base + reader.int32();
  const firstFlags = flags & 0x4 ? reader.uint32() : track.flags;
  for (let index = 0; index < count; index++) {
    const duration = flags & 0x100 ? reader.uint32() : track.duration;
    const size = flags & 0x200 ? reader.uint32() : track.size;
    const own = flags & 0x400 ? reader.uint32() : index === 0 ? firstFlags : track.flags;
    const offset = flags & 0x800 ? reader.int32() : 0;
    const isSync =
      isAudio || ((index === 0 && flags & 0x4 ? firstFlags : own) & (nonSync | dependsOnOthers)) === 0;
    samples.add(at, size, duration, offset, isSync);
    at += size;
  }
}

/** A sample table that grows with what the fragments hold. */
class GrowingTable {
  readonly #fileBytes: number;
  #capacity = 1024;
  #count = 0;
  #time = 0;
  #bytes = 0;
  #decodeTimes = new Float64Array(this.#capacity + 1);
  #compositionOffsets = new Int32Array(this.#capacity);
  #sync = new Uint8Array(this.#capacity);
  #offsets = new Float64Array(this.#capacity);
  #sizes = new Uint32Array(this.#capacity);

  constructor(fileBytes: number) {
    this.#fileBytes = fileBytes;
  }

  startAt(time: number): void {
    // ffmpeg drops what overlaps.
    if (this.#count > 0 && time <= (this.#decodeTimes[this.#count - 1] as number))
      throw new Mp4Refusal('fragments overlap');
    this.#time = time;
  }

  add(at: number, size: number, duration: number, offset: number, isSync: boolean): void {
    this.#bytes += size;
    if (size === 0 || at < 0 || at + size > this.#fileBytes || this.#bytes > this.#fileBytes)
      throw new Mp4Refusal('a sample is not in the file');
    if (duration === 0 || duration >= 2 ** 28) throw new Mp4Refusal('a sample lasts no time, or too long');
    // ffmpeg shifts all that follows.
    if (offset < 0 || offset >= 2 ** 28) throw new Mp4Refusal('a composition offset is unusual');
    if (this.#count === this.#capacity) this.#grow();
    const index = this.#count++;
    this.#decodeTimes[index] = this.#time;
    this.#compositionOffsets[index] = offset;
    this.#sync[index] = isSync ? 1 : 0;
    this.#offsets[index] = at;
    this.#sizes[index] = size;
    this.#time += duration;
  }

  finish(): SampleTable {
    const count = this.#count;
    if (count === 0) throw new Mp4Refusal('no fragment has samples of the track');
    this.#decodeTimes[count] = this.#time;
    return {
      count,
      decodeTimes: this.#decodeTimes.subarray(0, count + 1),
      compositionOffsets: this.#compositionOffsets.subarray(0, count),
      sync: this.#sync.subarray(0, count),
      offsets: this.#offsets.subarray(0, count),
      sizes: this.#sizes.subarray(0, count),
    };
  }

  #grow(): void {
    this.#capacity *= 2;
    if (this.#capacity > maxSamples) throw new Mp4Refusal('there are too many samples');
    const grown = <T extends Float64Array | Int32Array | Uint8Array | Uint32Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#decodeTimes = grown(new Float64Array(this.#capacity + 1), this.#decodeTimes);
    this.#compositionOffsets = grown(new Int32Array(this.#capacity), this.#compositionOffsets);
    this.#sync = grown(new Uint8Array(this.#capacity), this.#sync);
    this.#offsets = grown(new Float64Array(this.#capacity), this.#offsets);
    this.#sizes = grown(new Uint32Array(this.#capacity), this.#sizes);
  }
}
