import type { BoxRange } from './byte-reader.ts';
import { Mp4Refusal, onlyBox } from './byte-reader.ts';
import { type MovieFragment, readFragments } from './fragments.ts';
import { isPcm, pcmPackets } from './pcm-packets.ts';
import { type PresentedTimes, type PresentedTrack, presentedTimes } from './presented-times.ts';
import { readSampleTable, type SampleTable } from './sample-tables.ts';
import { type Mp4Movie, type Mp4Track, readMovie } from './track.ts';

/** What of a file an index is read from. */
export interface Mp4IndexSource {
  /** Content of `moov`. */
  readonly moov: Buffer;
  readonly fragments: readonly MovieFragment[];
  readonly fileBytes: number;
}

/** Samples of a track and when they are presented. */
export interface IndexedTrack {
  readonly track: Mp4Track;
  readonly table: SampleTable;
  readonly presented: PresentedTimes;
}

/** The index of an MP4 or QuickTime file. Hostile: what is not plain has no samples here. */
export interface Mp4Index {
  /** Reads the first track of pictures and the first of sound ahead of time. */
  prepare(): void;
  /** The first track of pictures; undefined as below. */
  firstPictures(): (IndexedTrack & { readonly moov: Buffer }) | undefined;
  /** All samples of a track; undefined when its tables are unusual, broken or absent. */
  samplesOf(trackId: number): IndexedTrack | undefined;
  /** The first samples of a track, `most` of them; undefined as above. */
  beginningOf(trackId: number, most: number): IndexedTrack | undefined;
  /** Times and last duration of what ffmpeg reads as packets; undefined as above. */
  packetsOf(trackId: number): PresentedTrack | undefined;
}

/** Reads the headers of the tracks. Undefined when they are unusual or broken. Never throws on what the file says. */
export function readMp4Index(source: Mp4IndexSource): Mp4Index | undefined {
  const movie = unlessRefused(() => readMovie(source.moov));
  if (movie === undefined) return undefined;
  const trackOf = (id: number) => movie.tracks.find((track) => track.id === id);
  const read = new Map<number, IndexedTrack | undefined>();
  const samplesOf = (id: number) => {
    const track = trackOf(id);
    if (track && !read.has(id))
      read.set(
        id,
        unlessRefused(() => readTrack(source, movie, track)),
      );
    return read.get(id);
  };
  return {
    prepare() {
      for (const handler of ['vide', 'soun']) {
        const track = movie.tracks.find((each) => each.handler === handler);
        if (track && !isPcm(source.moov, track)) samplesOf(track.id);
      }
    },
    firstPictures() {
      const track = movie.tracks.find(({ handler }) => handler === 'vide');
      const samples = track && samplesOf(track.id);
      return samples && { ...samples, moov: source.moov };
    },
    samplesOf,
    beginningOf(id, most) {
      const track = trackOf(id);
      return track && unlessRefused(() => readTrack(source, movie, track, most));
    },
    packetsOf(id) {
      const track = trackOf(id);
      if (track && isPcm(source.moov, track))
        return unlessRefused(() => pcmPackets(source.moov, movie, track, source.fileBytes));
      const samples = samplesOf(id);
      return (
        samples && {
          timescale: samples.track.timescale,
          presented: samples.presented,
          sync: samples.table.sync,
        }
      );
    },
  };
}

function readTrack(source: Mp4IndexSource, movie: Mp4Movie, track: Mp4Track, most?: number): IndexedTrack {
  const { moov, fragments, fileBytes } = source;
  if (track.sampleEntry === undefined) throw new Mp4Refusal('the track has not one sample description');
  if (!movie.isFragmented && fragments.length === 0) {
    const table = readSampleTable(moov, track.tables, fileBytes, most);
    return { track, table, presented: presentedTimes(track, table, movie.timescale) };
  }
  const trex = movie.trex.get(track.id);
  if (trex === undefined || !isEmpty(moov, track.tables))
    throw new Mp4Refusal('not all samples are in fragments');
  const table = readFragments(moov, trex, fragments, track.handler === 'soun', fileBytes);
  return { track, table, presented: fragmentTimes(track, table, movie.timescale) };
}

function isEmpty(moov: Buffer, tables: readonly BoxRange[]): boolean {
  const stsz = onlyBox(tables, 'stsz');
  return stsz.end - stsz.start >= 12 && moov.readUInt32BE(stsz.start + 8) === 0;
}

/** In fragments ffmpeg only shifts by the edit list; nothing is left out. */
function fragmentTimes(track: Mp4Track, table: SampleTable, movieTimescale: number): PresentedTimes {
  const { edits, timescale } = track;
  const media = edits.at(-1);
  const empty = edits.slice(0, -1);
  if (media?.mediaTime === -1 || empty.length > 1 || empty.some(({ mediaTime }) => mediaTime !== -1))
    throw new Mp4Refusal('there are several edits');
  const emptyTicks = Math.floor(((empty[0]?.duration ?? 0) * timescale) / movieTimescale + 0.5);
  const shift = (media?.mediaTime ?? 0) - emptyTicks;
  const { count, decodeTimes, compositionOffsets } = table;
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++)
    times[i] = (decodeTimes[i] as number) + (compositionOffsets?.[i] ?? 0) - shift;
  return { times, lastDuration: undefined };
}

/** A refusal is undefined; everything else is a defect of ours and is thrown on. */
function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Mp4Refusal) return undefined;
    throw error;
  }
}
