import { isSync, readFragment } from '../cmaf/media-segment.ts';
import { asBuffer, checked, invalidSegment, type SegmentedTrack, segmentCountOf } from './segmented-track.ts';

/** Where in its segment a picture is: from the `moof` on to the end of the first sample. */
export interface PictureRange {
  /** Bytes of the segment before it. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The first pictures of all segments of a video track. */
export interface IFrameIndex {
  /** In the order of the segments. */
  readonly ranges: readonly PictureRange[];
  /** Highest size of a picture over the length of its segment. */
  readonly peakBandwidthBps: number;
  /** Size of all pictures over the length of the track. */
  readonly averageBandwidthBps: number;
}

/** Segments that are read at a time. */
const parallel = 8;
/** The `moof` of a usual segment; longer ones are read once more. */
const headBytes = 4096;
/** An hour of 60 pictures a second. */
const maxHeadBytes = 4 * 1024 ** 2;

/**
 * Finds the first picture of each segment of a stored video track, from the heads of the segments alone. Throws KerkisError `data_loss`
 * STORED_SEGMENT_INVALID for one that does not begin with a picture which can be decoded by itself.
 */
export async function indexIFrames(
  track: SegmentedTrack,
  { signal }: { readonly signal: AbortSignal },
): Promise<IFrameIndex> {
  const count = segmentCountOf(track);
  const ranges: PictureRange[] = new Array(count);
  const waiting = Array.from({ length: count }, (_, index) => index).values();
  const readSome = async () => {
    for (const index of waiting) {
      signal.throwIfAborted();
      ranges[index] = await pictureOf(track, index);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: parallel }, readSome));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return { ranges, ...bandwidths(track, ranges) };
}

async function pictureOf({ readSegment }: SegmentedTrack, index: number): Promise<PictureRange> {
  const head = asBuffer(await readSegment(index, headBytes));
  const place = moofIn(head, index);
  const end = place.offset + place.sizeBytes;
  const whole = end <= head.length ? head : asBuffer(await readSegment(index, end));
  if (whole.length < end) throw invalidSegment(index);
  const { samples, dataOffset } = checked(index, () => readFragment(whole.subarray(place.offset, end)));
  const [first] = samples;
  if (first === undefined || dataOffset === undefined || dataOffset < place.sizeBytes || !isSync(first)) {
    throw invalidSegment(index);
  }
  return { offset: place.offset, sizeBytes: dataOffset + first.sizeBytes };
}

/** The `moof` of a segment of which only the beginning is there. */
function moofIn(head: Buffer, index: number): PictureRange {
  for (let offset = 0; offset + 8 <= head.length; ) {
    const sizeBytes = head.readUInt32BE(offset);
    if (sizeBytes < 8 || sizeBytes > maxHeadBytes) break;
    if (head.toString('latin1', offset + 4, offset + 8) === 'moof') return { offset, sizeBytes };
    offset += sizeBytes;
  }
  throw invalidSegment(index);
}

function bandwidths(
  { segments, timescale }: SegmentedTrack,
  ranges: readonly PictureRange[],
): Pick<IFrameIndex, 'peakBandwidthBps' | 'averageBandwidthBps'> {
  const seconds = segments.flatMap(({ count, duration }) => Array<number>(count).fill(duration / timescale));
  const total = seconds.reduce((sum, each) => sum + each, 0);
  const bits = ranges.map(({ sizeBytes }) => sizeBytes * 8);
  // RFC 8216bis takes a peak over half a target duration at least: the rest of a film may be a single picture.
  const longest = seconds.reduce((most, each) => Math.max(most, each), 0);
  const rateOf = (i: number) => (bits[i] ?? 0) / Math.max(seconds[i] ?? 0, longest / 2);
  return {
    peakBandwidthBps: Math.ceil(ranges.reduce((most, _, i) => Math.max(most, rateOf(i)), 1)),
    averageBandwidthBps: Math.ceil(bits.reduce((sum, each) => sum + each, 0) / Math.max(total, 1e-3)),
  };
}
