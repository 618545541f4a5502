import { endianness } from 'node:os';
import { type BoxRange, ByteReader, Mp4Refusal, onlyBox, optionalBox } from './byte-reader.ts';

/** All samples of one track in decode order, in ticks of its timescale. */
export interface SampleTable {
  readonly count: number;
  /** Decode time; one more at the end, where the last sample ends. */
  readonly decodeTimes: Float64Array;
  /** Composition minus decode time; absent when it is always zero. */
  readonly compositionOffsets?: Int32Array;
  /** 1 where decoding can start. */
  readonly sync: Uint8Array;
  /** Place in the file. */
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** More samples than twelve hours of any track have. */
export const maxSamples = 4_000_000;
/** Times that ffmpeg takes for something else. */
const maxDelta = 2 ** 28;

/** Grouping type `rap `. */
const randomAccess = 0x72617020;

/**
 * Reads the tables of `stbl`, or what they say of the first samples, `most` of them. Throws Mp4Refusal for tables that do not fit each other
 * or are unusual, as far as they are read.
 */
export function readSampleTable(
  moov: Buffer,
  stbl: readonly BoxRange[],
  fileBytes: number,
  most = maxSamples,
): SampleTable {
  for (const unusual of ['stps', 'stz2', 'padb']) {
    if (stbl.some(({ type }) => type === unusual)) throw new Mp4Refusal(`there is a ${unusual} box`);
  }
  if (stbl.some((box) => box.type === 'sbgp' && openTable(moov, box).uint32() === randomAccess))
    throw new Mp4Refusal('decoding can start at more than sync samples');
  const open = (type: string) => openTable(moov, onlyBox(stbl, type));
  const sizes = readSizes(open('stsz'), fileBytes, most);
  const count = sizes.length;
  const isPart = count === most;
  const ctts = optionalBox(stbl, 'ctts');
  const compositionOffsets = ctts && readCompositionOffsets(openTable(moov, ctts), count, isPart);
  const chunks = stbl.some(({ type }) => type === 'co64') ? open('co64') : open('stco');
  const isLong = stbl.some(({ type }) => type === 'co64');
  return {
    count,
    decodeTimes: readDecodeTimes(open('stts'), count, isPart),
    ...(compositionOffsets && { compositionOffsets }),
    sync: readSync(moov, optionalBox(stbl, 'stss'), count, isPart),
    offsets: readOffsets(readChunkOffsets(chunks, isLong), open('stsc'), sizes, fileBytes, isPart),
    sizes,
  };
}

/** A reader behind version and flags. */
export function openTable(moov: Buffer, { start, end }: BoxRange): ByteReader {
  const reader = new ByteReader(moov, start, end);
  reader.skip(4);
  return reader;
}

function readSizes(reader: ByteReader, fileBytes: number, most: number): Uint32Array {
  const size = reader.uint32();
  const all = size === 0 ? reader.entries(4) : reader.uint32();
  if (all === 0 || all > maxSamples) throw new Mp4Refusal('the number of samples is unusual');
  const count = Math.min(all, most);
  if (size * all > fileBytes) throw new Mp4Refusal('the samples are larger than the file');
  return size === 0 ? numbersAt(reader, count) : new Uint32Array(count).fill(size);
}

/** Of a run of samples, how many are read. */
const taken = (samples: number, left: number, isPart: boolean) =>
  isPart ? Math.min(samples, left) : samples;

/** Big-endian numbers in a row, turned round all at once. */
function numbersAt({ bytes, at }: ByteReader, count: number): Uint32Array {
  const aligned = new Uint8Array(count * 4);
  aligned.set(bytes.subarray(at, at + aligned.length));
  if (endianness() === 'LE') Buffer.from(aligned.buffer).swap32();
  return new Uint32Array(aligned.buffer);
}

function readDecodeTimes(reader: ByteReader, count: number, isPart: boolean): Float64Array {
  const entries = reader.entries(8);
  const times = new Float64Array(count + 1);
  let sample = 0;
  let time = 0;
  for (let entry = 0; entry < entries && sample < (isPart ? count : Infinity); entry++) {
    const samples = taken(reader.uint32(), count - sample, isPart);
    const duration = reader.uint32();
    if (samples > count - sample) throw new Mp4Refusal('there are more times than samples');
    if (duration >= maxDelta) throw new Mp4Refusal('a sample lasts too long');
    for (const end = sample + samples; sample < end; sample++) {
      times[sample] = time;
      time += duration;
    }
  }
  if (sample !== count) throw new Mp4Refusal('there are fewer times than samples');
  times[count] = time;
  return times;
}

function readCompositionOffsets(reader: ByteReader, count: number, isPart: boolean): Int32Array {
  const entries = reader.entries(8);
  const offsets = new Int32Array(count);
  let sample = 0;
  for (let entry = 0; entry < entries && sample < (isPart ? count : Infinity); entry++) {
    const samples = taken(reader.uint32(), count - sample, isPart);
    const offset = reader.int32();
    if (samples > count - sample || Math.abs(offset) >= maxDelta)
      throw new Mp4Refusal('composition offsets are unusual');
    offsets.fill(offset, sample, sample + samples);
    sample += samples;
  }
  if (sample !== count) throw new Mp4Refusal('there are fewer composition offsets than samples');
  return offsets;
}

function readSync(moov: Buffer, stss: BoxRange | undefined, count: number, isPart: boolean): Uint8Array {
  if (stss === undefined) return new Uint8Array(count).fill(1);
  const reader = openTable(moov, stss);
  const entries = reader.entries(4);
  const sync = new Uint8Array(count);
  let previous = 0;
  for (let entry = 0; entry < entries; entry++) {
    const number = reader.uint32();
    if (isPart && number > count) break;
    if (number <= previous || number > count) throw new Mp4Refusal('sync samples are out of order');
    sync[number - 1] = 1;
    previous = number;
  }
  if (previous === 0) throw new Mp4Refusal('there is no sync sample');
  return sync;
}

/** Places of chunks from `stco` or `co64`. */
export function readChunkOffsets(reader: ByteReader, isLong: boolean): Float64Array {
  const count = reader.entries(isLong ? 8 : 4);
  if (!isLong) return Float64Array.from(numbersAt(reader, count));
  const offsets = new Float64Array(count);
  for (let index = 0; index < count; index++) offsets[index] = reader.uint64();
  return offsets;
}

/** Calls `onChunk` for each chunk with how many samples it has. Throws Mp4Refusal for runs that are out of order. */
export function walkChunks(
  chunkCount: number,
  stsc: ByteReader,
  onChunk: (chunk: number, samples: number) => void,
): void {
  const entries = stsc.entries(12);
  if (entries === 0) throw new Mp4Refusal('there is no run of chunks');
  const next = () => ({ first: stsc.uint32(), samples: stsc.uint32(), description: stsc.uint32() });
  let run = next();
  if (run.first !== 1) throw new Mp4Refusal('the first chunk is in no run');
  for (let entry = 1; entry <= entries; entry++) {
    const following = entry < entries ? next() : { first: chunkCount + 1, samples: 0, description: 1 };
    if (following.first <= run.first && entry < entries)
      throw new Mp4Refusal('runs of chunks are out of order');
    if (run.samples === 0 || run.description !== 1) throw new Mp4Refusal('a run of chunks is unusual');
    const end = Math.min(following.first - 1, chunkCount);
    for (let chunk = run.first - 1; chunk < end; chunk++) onChunk(chunk, run.samples);
    run = following;
  }
}

function readOffsets(
  chunks: Float64Array,
  stsc: ByteReader,
  sizes: Uint32Array,
  fileBytes: number,
  isPart: boolean,
): Float64Array {
  const offsets = new Float64Array(sizes.length);
  let sample = 0;
  const chunkCount = isPart ? Math.min(chunks.length, sizes.length) : chunks.length;
  walkChunks(chunkCount, stsc, (chunk, inChunk) => {
    const samples = taken(inChunk, sizes.length - sample, isPart);
    if (samples > sizes.length - sample) throw new Mp4Refusal('there are more samples in chunks than sizes');
    let at = chunks[chunk] as number;
    for (const end = sample + samples; sample < end; sample++) {
      const size = sizes[sample] as number;
      if (size === 0) throw new Mp4Refusal('a sample is empty');
      offsets[sample] = at;
      at += size;
    }
    if (at > fileBytes) throw new Mp4Refusal('a sample is behind the end of the file');
  });
  if (sample !== sizes.length) throw new Mp4Refusal('there are fewer samples in chunks than sizes');
  return offsets;
}
