import { KerkisError } from '@kerkis/errors';
import { box, uint32, uint64 } from '../cmaf/box.ts';
import { title as cleanTitle } from '../probe/stream-description.ts';
import { movieBox, type ProgressiveTrack } from './progressive-mp4.ts';
import { readSampleTables, samplesOf } from './sample-tables.ts';
import type { SegmentedTrack } from './segmented-track.ts';

/** What goes into a file to download. */
export interface DownloadTracks {
  readonly video?: SegmentedTrack;
  readonly audio?: SegmentedTrack;
}

/** How to make it. */
export interface DownloadOptions {
  /** Title in the file's metadata. */
  readonly title?: string;
  readonly signal?: AbortSignal | undefined;
}

/** A file to download. */
export interface DownloadFile {
  readonly contentType: 'video/mp4' | 'audio/mp4';
  /** Exact. */
  readonly sizeBytes: number;
  /** The file from its start; can be read once. */
  readonly body: AsyncGenerator<Buffer>;
}

/**
 * Makes an MP4 (M4A without video) of stored segments, without encoding: all of them are looked at for the tables, which come first,
 * so that the file plays before it is loaded; the segments follow while the body is read, one at a time.
 *
 * Throws KerkisError `invalid` DOWNLOAD_EMPTY without any track, `data_loss` STORED_SEGMENT_INVALID, `cancelled` CANCELLED, and what
 * `readSegment` throws; so does the body.
 */
export async function makeDownload(
  { video, audio }: DownloadTracks,
  options: DownloadOptions = {},
): Promise<DownloadFile> {
  const given = [video, audio]
    .flatMap((track) => track ?? [])
    .map((track) => stoppable(track, options.signal));
  if (given.length === 0) {
    throw new KerkisError('invalid', 'DOWNLOAD_EMPTY', 'A download needs a video or an audio track.');
  }
  const tracks: DownloadTrack[] = [];
  for (const track of given) tracks.push({ track, init: track.init, tables: await readSampleTables(track) });
  const parts = interleaved(tracks);
  const dataBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const title = cleanTitle(options.title);
  const head = headOf(tracks, parts, dataBytes, { title, isSound: video === undefined });
  return {
    contentType: video === undefined ? 'audio/mp4' : 'video/mp4',
    sizeBytes: head.length + dataBytes,
    body: bodyOf(head, tracks, parts),
  };
}

/** The samples of one segment of one track in the file. */
interface Part {
  /** Which of the tracks. */
  readonly at: number;
  readonly segment: number;
  readonly sizeBytes: number;
}

type DownloadTrack = ProgressiveTrack & { readonly track: SegmentedTrack };

/** The segments of all tracks in the order of their time. */
function interleaved(tracks: readonly DownloadTrack[]): Part[] {
  return tracks
    .flatMap(({ tables, track }, at) =>
      tables.chunks.map(({ sizeBytes, startTicks }, segment) => ({
        ...{ at, segment, sizeBytes },
        startSeconds: startTicks / track.timescale,
      })),
    )
    .sort((a, b) => a.startSeconds - b.startSeconds || a.at - b.at);
}

/** Everything before the samples: file type, movie, and the header of the data. */
function headOf(
  tracks: readonly DownloadTrack[],
  parts: readonly Part[],
  dataBytes: number,
  { title, isSound }: { readonly title: string | undefined; readonly isSound: boolean },
): Buffer {
  const brands = isSound ? ['M4A ', 'M4A mp42isom'] : ['isom', 'isomiso2avc1mp41'];
  const ftyp = box('ftyp', Buffer.from(brands[0] ?? ''), uint32(512), Buffer.from(brands[1] ?? ''));
  const isLarge = dataBytes + 8 > 0xffff_ffff;
  const mdat = isLarge
    ? Buffer.concat([uint32(1), Buffer.from('mdat'), uint64(dataBytes + 16)])
    : Buffer.concat([uint32(dataBytes + 8), Buffer.from('mdat')]);
  const movie = (start: number) => movieBox({ tracks, offsets: offsetsOf(tracks, parts, start), title });
  // Offsets change the length of the movie only where they first pass 32 bits, and then it only grows.
  let start = ftyp.length + movie(0).length + mdat.length;
  start = ftyp.length + movie(start).length + mdat.length;
  return Buffer.concat([ftyp, movie(start), mdat]);
}

function offsetsOf(tracks: readonly DownloadTrack[], parts: readonly Part[], start: number): number[][] {
  const offsets: number[][] = tracks.map(() => []);
  let offset = start;
  for (const { at, sizeBytes } of parts) {
    offsets[at]?.push(offset);
    offset += sizeBytes;
  }
  return offsets;
}

async function* bodyOf(
  head: Buffer,
  tracks: readonly DownloadTrack[],
  parts: readonly Part[],
): AsyncGenerator<Buffer> {
  yield head;
  for (const { at, segment } of parts) {
    const { track, tables } = tracks[at] as DownloadTrack;
    const chunk = tables.chunks[segment];
    if (chunk !== undefined) yield samplesOf(await track.readSegment(segment), segment, chunk);
  }
}

/** The same track, whose segments are read no more after an abort. */
function stoppable(track: SegmentedTrack, signal: AbortSignal | undefined): SegmentedTrack {
  const readSegment: SegmentedTrack['readSegment'] = (index, maxBytes) => {
    if (signal?.aborted) throw new KerkisError('cancelled', 'CANCELLED', 'The download was cancelled.');
    return track.readSegment(index, maxBytes);
  };
  return { ...track, readSegment: async (index, maxBytes) => readSegment(index, maxBytes) };
}
