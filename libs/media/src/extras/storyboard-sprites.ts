import { KerkisError } from '@kerkis/errors';
import { box, boxesIn } from '../cmaf/box.ts';
import { mediaSegment, readFragment, syncSampleFlags } from '../cmaf/media-segment.ts';
import { guardArgs } from '../process/input-args.ts';
import { jpegOutput } from './jpeg.ts';
import { splitJpegs } from './jpeg-splitter.ts';
import { type ExtraOptions, ffmpegOutput, quietArgs } from './run.ts';
import {
  asBuffer,
  checked,
  fragmentOf,
  invalidSegment,
  moovOf,
  type SegmentedTrack,
  segmentStarts,
} from './segmented-track.ts';
import { type Storyboard, spriteCount } from './storyboard.ts';

/** How to run ffmpeg on stored segments. */
export type SpriteOptions = Omit<ExtraOptions, 'sourcePath'>;

/** Longer tracks are never decoded in full. */
const maxDecodedSeconds = 300;
/** Intervals are whole milliseconds, segments are not: so much later than its time a picture may be. */
const toleranceSeconds = 0.5;

/**
 * Makes the sprites of a storyboard, one JPEG after the other, from the stored segments of a video track, best of the lowest rung.
 * The source is not decoded again: where a picture is wanted each so many segments, only the first picture of these is decoded; the
 * segments of short clips are decoded in full.
 *
 * Throws KerkisError `data_loss` STORED_SEGMENT_INVALID, `internal` ENCODER_OUTPUT_UNEXPECTED, what `startFfmpeg` rejects with, and what
 * `readSegment` throws.
 */
export async function* makeStoryboard(
  storyboard: Storyboard,
  track: SegmentedTrack,
  options: SpriteOptions,
): AsyncGenerator<Buffer> {
  const isFull = needsAllFrames(storyboard, track);
  const args = spriteArgs(storyboard, isFull, options);
  const input = isFull ? wholeTrack(track) : firstPictures(storyboard, track);
  let count = 0;
  for await (const sprite of splitJpegs(ffmpegOutput(args, options, { readable: [], input }))) {
    count++;
    yield sprite;
  }
  if (count !== spriteCount(storyboard)) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_UNEXPECTED',
      `The storyboard has ${count} sprites and not ${spriteCount(storyboard)}.`,
    );
  }
}

/**
 * Arguments of the ffmpeg that reads fragmented MP4 from standard input and writes sprites to file descriptor 3. The pictures come one
 * a second, or as in the track when `isFull`. A picture that cannot be decoded is the one before it.
 */
export function spriteArgs(storyboard: Storyboard, isFull: boolean, options: SpriteOptions): string[] {
  const { intervalMs, tileCount, tileWidth, tileHeight, columns, rows } = storyboard;
  const filters = [
    // The picture that is shown at the time of a tile is the last one that begins no later.
    isFull ? `fps=1000/${intervalMs}:start_time=0:round=up` : 'fps=1:start_time=0',
    'tpad=stop=-1:stop_mode=clone',
    `trim=end_frame=${tileCount}`,
    `scale=${tileWidth}:${tileHeight}:flags=bicubic:out_color_matrix=bt601:out_range=pc`,
    ...['setsar=1', 'format=yuvj420p', `tile=${columns}x${rows}`],
  ];
  const { threads } = options;
  return [
    ...[...quietArgs, '-filter_complex_threads', `${threads}`, '-threads', `${threads}`],
    ...guardArgs({ container: 'mov', protocol: 'pipe', ...options }),
    ...['-i', 'pipe:0', '-filter_complex', `[0:v:0]${filters.join(',')}[v]`, ...jpegOutput],
  ];
}

function needsAllFrames({ intervalMs }: Storyboard, { segments, timescale }: SegmentedTrack): boolean {
  const seconds = segments.reduce((sum, { count, duration }) => sum + count * duration, 0) / timescale;
  const longest = Math.max(...segments.map(({ duration }) => duration)) / timescale;
  return seconds <= maxDecodedSeconds && intervalMs < longest * 1000 * 0.9;
}

async function* wholeTrack(track: SegmentedTrack): AsyncGenerator<Uint8Array> {
  yield track.init;
  const count = segmentStarts(track).length;
  let last: Uint8Array = Buffer.alloc(0);
  for (let index = 0; index < count; index++) {
    last = await track.readSegment(index);
    yield last;
  }
  const endTicks = track.segments.reduce((sum, { count, duration }) => sum + count * duration, 0);
  yield onePicture(firstPicture(last, count - 1), count, endTicks + track.timescale, track.timescale);
}

/** A track of one picture a second: the first ones of the segments at the times of the tiles. */
async function* firstPictures(
  { intervalMs, tileCount }: Storyboard,
  track: SegmentedTrack,
): AsyncGenerator<Uint8Array> {
  yield withoutEdits(track.init);
  const starts = segmentStarts(track);
  let segment = 0;
  let picture: Buffer | undefined;
  for (let tile = 0; tile < tileCount; tile++) {
    const before = segment;
    while (
      (starts[segment + 1] ?? Number.POSITIVE_INFINITY) <=
      (tile * intervalMs) / 1000 + toleranceSeconds
    ) {
      segment++;
    }
    if (picture === undefined || segment !== before) {
      picture = firstPicture(await track.readSegment(segment), segment);
    }
    yield onePicture(picture, tile, tile * track.timescale, track.timescale);
  }
  if (picture !== undefined) {
    yield onePicture(picture, tileCount, tileCount * track.timescale, track.timescale);
  }
}

/** A segment of one picture. One more of them than is wanted ends a track, because `fps` drops the last one. */
function onePicture(picture: Buffer, index: number, decodeTime: number, sampleDuration: number): Buffer {
  const sample = { sizeBytes: picture.length, flags: syncSampleFlags, compositionOffset: 0 };
  return mediaSegment({ index, decodeTime, sampleDuration }, [sample], picture);
}

/** The first sample of a segment, which decodes alone. */
function firstPicture(bytes: Uint8Array, index: number): Buffer {
  const { moof, mdat } = fragmentOf(bytes, index);
  const sizeBytes = checked(index, () => readFragment(moof.bytes)).samples[0]?.sizeBytes ?? 0;
  if (sizeBytes === 0 || sizeBytes > mdat.content.length) throw invalidSegment(index);
  return mdat.content.subarray(0, sizeBytes);
}

/** An init segment without edit lists: its pictures have other times now. */
function withoutEdits(init: Uint8Array): Buffer {
  const children = boxesIn(moovOf(init).content).map((child) => {
    if (child.type !== 'trak') return child.bytes;
    const kept = boxesIn(child.content).filter(({ type }) => type !== 'edts');
    return box('trak', ...kept.map(({ bytes }) => bytes));
  });
  const moov = box('moov', ...children);
  return Buffer.concat(boxesIn(asBuffer(init)).map((child) => (child.type === 'moov' ? moov : child.bytes)));
}
