import { type BoxRange, ByteReader, boxesBetween, Mp4Refusal, onlyBox, optionalBox } from './byte-reader.ts';
import { openTable } from './sample-tables.ts';

/** One entry of an edit list. */
export interface Edit {
  /** In ticks of the movie's timescale. */
  readonly duration: number;
  /** In ticks of the track's timescale; -1: nothing is presented for as long. */
  readonly mediaTime: number;
}

/** A track as its headers describe it. */
export interface Mp4Track {
  readonly id: number;
  /** `vide`, `soun`, … */
  readonly handler: string;
  /** Ticks per second. */
  readonly timescale: number;
  /** Length that the header claims, in ticks. */
  readonly claimedTicks: number;
  readonly edits: readonly Edit[];
  /** The sample entry, if there is exactly one. */
  readonly sampleEntry?: BoxRange;
  /** Children of `stbl`. */
  readonly tables: readonly BoxRange[];
}

/** What all tracks have in common. */
export interface Mp4Movie {
  /** Ticks per second of edit lists. */
  readonly timescale: number;
  readonly isFragmented: boolean;
  /** Defaults of fragments by track. */
  readonly trex: ReadonlyMap<number, BoxRange>;
  readonly tracks: readonly Mp4Track[];
}

/** Reads the headers of `moov`. Tracks that cannot be understood are left out. Throws Mp4Refusal. */
export function readMovie(moov: Buffer): Mp4Movie {
  const boxes = boxesBetween(moov, 0, moov.length);
  const mvhd = onlyBox(boxes, 'mvhd');
  // ffmpeg knows the timescale of edit lists only when it comes first.
  if (boxes.some(({ type, start }) => type === 'trak' && start < mvhd.start))
    throw new Mp4Refusal('the movie header comes late');
  const { timescale } = readTimes(moov, mvhd);
  const mvex = optionalBox(boxes, 'mvex');
  const extensions = mvex === undefined ? [] : boxesBetween(moov, mvex.start, mvex.end);
  const trex = extensions
    .filter(({ type }) => type === 'trex')
    .map((box) => [openTable(moov, box).uint32(), box] as const);
  const tracks = boxes
    .filter(({ type }) => type === 'trak')
    .flatMap((box) => tolerant(() => readTrack(moov, box)));
  if (new Set(tracks.map(({ id }) => id)).size !== tracks.length)
    throw new Mp4Refusal('two tracks have one number');
  return { timescale, isFragmented: mvex !== undefined, trex: new Map(trex), tracks };
}

function tolerant(read: () => Mp4Track): Mp4Track[] {
  try {
    return [read()];
  } catch (error) {
    if (error instanceof Mp4Refusal) return [];
    throw error;
  }
}

function readTrack(moov: Buffer, trak: BoxRange): Mp4Track {
  const boxes = boxesBetween(moov, trak.start, trak.end);
  const within = (parent: BoxRange) => boxesBetween(moov, parent.start, parent.end);
  const media = within(onlyBox(boxes, 'mdia'));
  const tables = within(onlyBox(within(onlyBox(media, 'minf')), 'stbl'));
  const handler = openTable(moov, onlyBox(media, 'hdlr'));
  handler.skip(4);
  const edts = optionalBox(boxes, 'edts');
  const elst = edts && optionalBox(within(edts), 'elst');
  const { timescale, ticks } = readTimes(moov, onlyBox(media, 'mdhd'));
  const stsd = openTable(moov, onlyBox(tables, 'stsd'));
  const isSingle = stsd.uint32() === 1;
  const entries = boxesBetween(moov, stsd.at, stsd.end);
  return {
    id: trackId(moov, onlyBox(boxes, 'tkhd')),
    handler: moov.toString('latin1', handler.at, handler.at + 4),
    timescale,
    claimedTicks: ticks,
    edits: elst === undefined ? [] : readEdits(moov, elst),
    ...(isSingle && entries.length === 1 && { sampleEntry: entries[0] as BoxRange }),
    tables,
  };
}

function trackId(moov: Buffer, { start, end }: BoxRange): number {
  const reader = new ByteReader(moov, start, end);
  const isLong = reader.uint8() === 1;
  reader.skip(3 + (isLong ? 16 : 8));
  return reader.uint32();
}

/** Timescale and length of `mvhd` or `mdhd`. */
function readTimes(moov: Buffer, { start, end }: BoxRange): { timescale: number; ticks: number } {
  const reader = new ByteReader(moov, start, end);
  const isLong = reader.uint8() === 1;
  reader.skip(3 + (isLong ? 16 : 8));
  const timescale = reader.uint32();
  if (timescale === 0 || timescale >= 2 ** 31) throw new Mp4Refusal('a timescale is impossible');
  if (isLong) return { timescale, ticks: reader.left >= 8 ? tolerantLength(reader) : 0 };
  return { timescale, ticks: reader.uint32() };
}

/** Headers of unknown length have all bits set. */
function tolerantLength(reader: ByteReader): number {
  const value = reader.bytes.readBigUInt64BE(reader.at);
  return value > 2n ** 51n ? 2 ** 51 : Number(value);
}

function readEdits(moov: Buffer, elst: BoxRange): Edit[] {
  const reader = new ByteReader(moov, elst.start, elst.end);
  const isLong = reader.uint8() === 1;
  reader.skip(3);
  const count = reader.entries(isLong ? 20 : 12);
  if (count > maxEdits) throw new Mp4Refusal('there are many edits');
  return Array.from({ length: count }, () => {
    const duration = isLong ? reader.uint64() : reader.uint32();
    const mediaTime = isLong ? reader.int64() : reader.int32();
    if (reader.uint32() !== 0x10000 || mediaTime < -1) throw new Mp4Refusal('an edit is unusual');
    return { duration, mediaTime };
  });
}

const maxEdits = 8;
