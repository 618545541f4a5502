import { box, fullBox, uint32 } from '../../cmaf/box.ts';
import type { SourceBytes } from '../../source/source-bytes.ts';
import { type BoxRange, boxesBetween, Mp4Refusal, optionalBox } from './byte-reader.ts';
import type { IndexedTrack, Mp4Index } from './mp4-index.ts';
import { isPcm } from './pcm-packets.ts';
import { readMovie } from './track.ts';

/** What an excerpt is made of. */
export interface ExcerptSource {
  readonly file: SourceBytes;
  /** Content of the only `moov`, all samples of which it lists. */
  readonly moov: Buffer;
  readonly index: Mp4Index;
}

/** What a decoder looks at before it says what a stream is, and then some. */
const excerptSeconds = 6;
/** Chapters are samples of a text track: all of them. */
const maxOtherSamples = 2_000;
/** Samples that an edit list leaves out at the start. */
const maxHiddenSamples = 500;
/** More in a few seconds are no pictures, nor frames of sound. */
const maxSamples = 5_000;
const maxBytes = 24 * 1024 ** 2;

/** The first samples of one track. */
interface Piece {
  readonly track: IndexedTrack;
  readonly count: number;
}

/**
 * An MP4 with the headers of another one as they are and with its first seconds only, so that looking at what the streams are does not take longer
 * the longer the file is. Undefined when that would say something else than the whole file.
 *
 * Durations in the headers stay those of the whole; rates that a demuxer computes from them are wrong.
 */
export async function makeExcerpt(source: ExcerptSource): Promise<Buffer | undefined> {
  try {
    return await excerpt(source);
  } catch (error) {
    if (error instanceof Mp4Refusal) return undefined;
    throw error;
  }
}

async function excerpt({ file, moov, index }: ExcerptSource): Promise<Buffer | undefined> {
  const movie = readMovie(moov);
  const tracks = boxesBetween(moov, 0, moov.length).filter(({ type }) => type === 'trak');
  if (movie.isFragmented || movie.tracks.length !== tracks.length) return undefined;
  const pieces: Piece[] = [];
  for (const track of movie.tracks) {
    const piece = isPcm(moov, track) ? undefined : pieceOf(index.beginningOf(track.id, maxSamples));
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  const samples = pieces
    .flatMap(({ track: { table }, count }, place) =>
      Array.from({ length: count }, (_, sample) => ({
        place,
        sample,
        at: table.offsets[sample] as number,
        size: table.sizes[sample] as number,
      })),
    )
    .sort((a, b) => a.at - b.at);
  const bytes = samples.reduce((sum, { size }) => sum + size, 0);
  if (bytes > maxBytes) return undefined;
  const head = await readBrands(file);
  if (head === undefined) return undefined;
  const offsets = pieces.map(({ count }) => new Array<number>(count).fill(0));
  const write = () => movieBox(moov, pieces, offsets);
  let at = head.length + write().length + 8;
  const media = Buffer.allocUnsafe(bytes);
  let filled = 0;
  for (const { place, sample, at: from, size } of samples) {
    (offsets[place] as number[])[sample] = at;
    const { bytesRead } = await file.read(media, filled, size, from);
    if (bytesRead !== size) return undefined;
    at += size;
    filled += size;
  }
  return Buffer.concat([head, write(), box('mdat', media)]);
}

/** The box that says which family of formats it is, which demuxers go by. */
async function readBrands(file: SourceBytes): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(maxBrandBytes);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  const size = bytesRead < 8 ? 0 : bytes.readUInt32BE(0);
  const isThere = bytes.toString('latin1', 4, 8) === 'ftyp' && size >= 16 && size <= bytesRead;
  return isThere ? bytes.subarray(0, size) : undefined;
}

const maxBrandBytes = 1024;

function pieceOf(track: IndexedTrack | undefined): Piece | undefined {
  if (track === undefined) return undefined;
  const { table, presented } = track;
  const { handler, timescale } = track.track;
  if (handler !== 'vide' && handler !== 'soun')
    return { track, count: Math.min(table.count, maxOtherSamples) };
  const firstShown = presented.times.subarray(0, maxHiddenSamples).findIndex((time) => !Number.isNaN(time));
  if (firstShown < 0) return undefined;
  const end = (table.decodeTimes[firstShown] as number) + excerptSeconds * timescale;
  const after = table.decodeTimes.subarray(0, table.count).findIndex((time) => time >= end);
  if (after < 0 && table.count === maxSamples) return undefined;
  return { track, count: after < 0 ? table.count : after };
}

function movieBox(moov: Buffer, pieces: readonly Piece[], offsets: readonly (readonly number[])[]): Buffer {
  let place = 0;
  const rewrite = ({ type, headerAt, start, end }: BoxRange, path: readonly string[]): Buffer => {
    const [next, ...rest] = path;
    if (type !== next) return moov.subarray(headerAt, end);
    if (type === 'stbl') return tablesBox(moov, pieces[place] as Piece, offsets[place] ?? []);
    const children = boxesBetween(moov, start, end).map((child) => rewrite(child, rest));
    if (type === 'trak') place++;
    return box(type, ...children);
  };
  const children = boxesBetween(moov, 0, moov.length);
  return box('moov', ...children.map((child) => rewrite(child, ['trak', 'mdia', 'minf', 'stbl'])));
}

/** Sample tables of the first samples, each a chunk of its own. */
function tablesBox(moov: Buffer, { track, count }: Piece, offsets: readonly number[]): Buffer {
  const { tables } = track.track;
  const { decodeTimes, sizes, sync, compositionOffsets } = track.table;
  const samples = Array.from({ length: count }, (_, sample) => sample);
  const durations = samples.flatMap((sample) => [
    1,
    (decodeTimes[sample + 1] as number) - (decodeTimes[sample] as number),
  ]);
  const reorderings = samples.flatMap((sample) => [1, compositionOffsets?.[sample] ?? 0]);
  const copied = ['stsd', 'cslg'].flatMap((type) => {
    const found = optionalBox(tables, type);
    return found === undefined ? [] : [moov.subarray(found.headerAt, found.end)];
  });
  const ctts = optionalBox(tables, 'ctts');
  const version = ctts === undefined ? 0 : moov.readUInt8(ctts.start);
  const syncs = samples.filter((sample) => sync[sample] === 1).map((sample) => sample + 1);
  return box(
    'stbl',
    ...copied,
    fullBox('stts', 0, 0, uint32(count, ...durations)),
    ...(compositionOffsets ? [fullBox('ctts', version, 0, uint32(count, ...reorderings))] : []),
    ...(optionalBox(tables, 'stss') ? [fullBox('stss', 0, 0, uint32(syncs.length, ...syncs))] : []),
    fullBox('stsc', 0, 0, uint32(1, 1, 1, 1)),
    fullBox('stsz', 0, 0, uint32(0, count, ...samples.map((sample) => sizes[sample] as number))),
    fullBox('stco', 0, 0, uint32(count, ...offsets)),
  );
}
