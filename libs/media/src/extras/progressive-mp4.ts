import { box, boxesIn, childAt, fullBox, uint16, uint32, uint64 } from '../cmaf/box.ts';
import { unityMatrix } from '../cmaf/init-segment.ts';
import type { SampleTables } from './sample-tables.ts';
import { moovOf } from './segmented-track.ts';

/** One track of a progressive MP4. */
export interface ProgressiveTrack {
  /** The init segment of the track. */
  readonly init: Uint8Array;
  readonly tables: SampleTables;
}

/** What the movie box says. */
export interface Movie {
  readonly tracks: readonly ProgressiveTrack[];
  /** Place of each chunk of each track in the file. */
  readonly offsets: readonly (readonly number[])[];
  readonly title?: string | undefined;
}

/**
 * The `moov` of an MP4 that is no fragmented one: its tracks are described as in their init segments, their samples by tables. Its
 * length does not depend on the offsets as long as they are all below, or not all below, 4 GiB.
 */
export function movieBox({ tracks, offsets, title }: Movie): Buffer {
  const clocks = tracks.map(({ init }) => readClock(init));
  const timescale = movieTimescale(tracks, clocks);
  const isLarge = offsets.flat().some((offset) => offset > 0xffff_ffff);
  const traks = tracks.map((track, at) =>
    trackBox(track, clocks[at] as Clock, { id: at + 1, timescale, offsets: offsets[at] ?? [], isLarge }),
  );
  const duration = Math.max(...traks.map((trak) => trak.duration));
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    uint32(0, 0, timescale, duration, 0x10000),
    uint16(0x100, 0),
    uint32(0, 0),
    unityMatrix,
    Buffer.alloc(24),
    uint32(tracks.length + 1),
  );
  const boxes = traks.map((trak) => trak.bytes);
  return box('moov', mvhd, ...boxes, ...(title === undefined ? [] : [titleBox(title)]));
}

/** Time of a track, from its init segment. */
interface Clock {
  readonly timescale: number;
  /** Packed, as in `mdhd`. */
  readonly language: number;
  /** Media time at which presentation starts. */
  readonly mediaTime: number;
}

function readClock(init: Uint8Array): Clock {
  const trak = childAt(moovOf(init).content, 'trak').content;
  const mdhd = childAt(trak, 'mdia', 'mdhd').content;
  const isLong = mdhd.readUInt8(0) === 1;
  const edit = boxesIn(trak).some(({ type }) => type === 'edts')
    ? childAt(trak, 'edts', 'elst').content
    : undefined;
  const mediaTime = edit === undefined ? 0 : readMediaTime(edit);
  return {
    timescale: mdhd.readUInt32BE(isLong ? 20 : 12),
    language: mdhd.readUInt16BE(isLong ? 32 : 20),
    mediaTime,
  };
}

/** Of the only edit of a published init segment. */
function readMediaTime(elst: Buffer): number {
  if (elst.readUInt32BE(4) === 0) return 0;
  const time = elst.readUInt8(0) === 1 ? Number(elst.readBigInt64BE(16)) : elst.readInt32BE(12);
  return Math.max(0, time);
}

/** The timescale of the first track, in which its duration is exact, unless that does not fit into 32 bits. */
function movieTimescale(tracks: readonly ProgressiveTrack[], clocks: readonly Clock[]): number {
  const timescale = clocks[0]?.timescale ?? 1000;
  const seconds = tracks.map(({ tables }, at) => tables.durationTicks / (clocks[at]?.timescale ?? 1));
  return Math.max(...seconds) * timescale < 2 ** 31 ? timescale : 1000;
}

interface TrackPlace {
  readonly id: number;
  /** Of the movie. */
  readonly timescale: number;
  readonly offsets: readonly number[];
  readonly isLarge: boolean;
}

function trackBox({ init, tables }: ProgressiveTrack, clock: Clock, place: TrackPlace) {
  const trak = childAt(moovOf(init).content, 'trak').content;
  const mdia = childAt(trak, 'mdia').content;
  const minf = childAt(mdia, 'minf').content;
  const toMovie = (ticks: number) => Math.round((ticks / clock.timescale) * place.timescale);
  // The first sample has media time 0 here, and may have had another one in segments.
  const mediaTime = clock.mediaTime - tables.startTicks;
  const duration = toMovie(tables.durationTicks);
  const wait = toMovie(Math.max(0, -mediaTime));
  const edits = [
    ...(wait > 0 ? [uint32(wait, 0xffff_ffff), uint16(1, 0)] : []),
    ...[uint32(duration, Math.max(0, mediaTime)), uint16(1, 0)],
  ];
  const oldHeader = childAt(trak, 'tkhd').content;
  const header = fullBox(
    'tkhd',
    0,
    // Enabled, in the movie.
    3,
    uint32(0, 0, place.id, 0, duration + wait, 0, 0),
    // From the layer on: volume, matrix and size are what they were.
    oldHeader.subarray(oldHeader.length - 52),
  );
  const isLong = tables.durationTicks > 0xffff_ffff;
  const mdhd = fullBox(
    'mdhd',
    isLong ? 1 : 0,
    0,
    ...(isLong
      ? [uint64(0), uint64(0), uint32(clock.timescale), uint64(tables.durationTicks)]
      : [uint32(0, 0, clock.timescale, tables.durationTicks)]),
    uint16(clock.language, 0),
  );
  const kept = boxesIn(minf).flatMap(({ type, bytes }) => (type === 'stbl' ? [] : [bytes]));
  const stsd = childAt(minf, 'stbl', 'stsd').bytes;
  const bytes = box(
    'trak',
    header,
    box('edts', fullBox('elst', 0, 0, uint32(edits.length / 2), ...edits)),
    box('mdia', mdhd, childAt(mdia, 'hdlr').bytes, box('minf', ...kept, sampleTable(stsd, tables, place))),
  );
  return { bytes, duration: duration + wait };
}

function sampleTable(stsd: Buffer, tables: SampleTables, { offsets, isLarge }: TrackPlace): Buffer {
  const { sizes, durations, compositionOffsets, syncSamples, chunks } = tables;
  const isReordered = compositionOffsets.some((offset) => offset !== 0);
  const hasNegative = compositionOffsets.some((offset) => offset < 0);
  const chunkRuns = runsOf(chunks.map(({ sampleCount }) => sampleCount));
  let chunk = 1;
  const chunkTable = chunkRuns.flatMap(([count, samples]) => {
    chunk += count;
    return [chunk - count, samples, 1];
  });
  return box(
    'stbl',
    stsd,
    tableBox('stts', 0, runsOf(durations).flat(), 2),
    ...(isReordered ? [tableBox('ctts', hasNegative ? 1 : 0, runsOf(compositionOffsets).flat(), 2)] : []),
    ...(syncSamples === undefined ? [] : [tableBox('stss', 0, syncSamples, 1)]),
    tableBox('stsc', 0, chunkTable, 3),
    fullBox('stsz', 0, 0, uint32(0, sizes.length), numbers(sizes)),
    isLarge
      ? fullBox('co64', 0, 0, uint32(offsets.length), Buffer.concat(offsets.map(uint64)))
      : tableBox('stco', 0, offsets, 1),
  );
}

/** A full box of a count and a table with so many numbers in a row. */
function tableBox(type: string, version: number, table: readonly number[], width: number): Buffer {
  return fullBox(type, version, 0, uint32(table.length / width), numbers(table));
}

/** Big-endian 32-bit numbers; `uint32` takes arguments, of which there can be too many. */
function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, at * 4);
  return bytes;
}

/** How often each value follows itself. */
function runsOf(values: readonly number[]): [count: number, value: number][] {
  const runs: [number, number][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === value) last[0]++;
    else runs.push([1, value]);
  }
  return runs;
}

/** The title as iTunes and every player since write it. */
function titleBox(title: string): Buffer {
  const handler = fullBox('hdlr', 0, 0, uint32(0), Buffer.from('mdirappl'), uint32(0, 0), Buffer.from([0]));
  const data = box('data', uint32(1, 0), Buffer.from(title));
  return box('udta', fullBox('meta', 0, 0, handler, box('ilst', box('\u00a9nam', data))));
}
