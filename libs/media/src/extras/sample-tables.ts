import { boxesIn, childAt } from '../cmaf/box.ts';
import { isSync, readFragment } from '../cmaf/media-segment.ts';
import { asBuffer, checked, invalidSegment, type SegmentedTrack, segmentCountOf } from './segmented-track.ts';

/** What a track's samples are, gathered from its segments. */
export interface SampleTables {
  /** Decode time of the first sample in ticks. */
  readonly startTicks: number;
  /** All durations together in ticks. */
  readonly durationTicks: number;
  /** Of each sample. */
  readonly sizes: readonly number[];
  readonly durations: readonly number[];
  readonly compositionOffsets: readonly number[];
  /** Numbers of the samples that decoding can start at, counted from 1; undefined when it can at all of them. */
  readonly syncSamples?: readonly number[];
  /** The samples of each segment lie together. */
  readonly chunks: readonly Chunk[];
}

/** The samples of one segment. */
export interface Chunk {
  readonly sampleCount: number;
  readonly sizeBytes: number;
  /** Decode time of the first sample in ticks. */
  readonly startTicks: number;
}

/** So much of a segment has its description, unless there are thousands of frames in it. */
const usualHeadBytes = 64 * 1024;

/**
 * Reads the beginning of each segment of a track. Throws KerkisError `data_loss` STORED_SEGMENT_INVALID, and what `readSegment`
 * throws.
 */
export async function readSampleTables(track: SegmentedTrack): Promise<SampleTables> {
  const count = segmentCountOf(track);
  const sizes: number[] = [];
  const durations: number[] = [];
  const compositionOffsets: number[] = [];
  const syncSamples: number[] = [];
  const chunks: Chunk[] = [];
  let endTicks: number | undefined;
  for (let index = 0; index < count; index++) {
    const { fragment, startTicks, sizeBytes } = await readHead(track, index);
    // Decode times decide, so that what the last frame of a segment says of its length moves nothing.
    const last = durations.length - 1;
    const late = startTicks - (endTicks ?? startTicks);
    if (late !== 0) durations[last] = (durations[last] ?? 0) + late;
    if ((durations[last] ?? 0) < 0) throw invalidSegment(index);
    endTicks = startTicks;
    for (const [at, sample] of fragment.samples.entries()) {
      sizes.push(sample.sizeBytes);
      durations.push(fragment.durations[at] ?? 0);
      compositionOffsets.push(sample.compositionOffset);
      if (isSync(sample)) syncSamples.push(sizes.length);
      endTicks += fragment.durations[at] ?? 0;
    }
    chunks.push({ sampleCount: fragment.samples.length, sizeBytes, startTicks });
  }
  const startTicks = chunks[0]?.startTicks ?? 0;
  return {
    startTicks,
    durationTicks: (endTicks ?? startTicks) - startTicks,
    sizes,
    durations,
    compositionOffsets,
    ...(syncSamples.length === sizes.length ? {} : { syncSamples }),
    chunks,
  };
}

/** What a segment says of its samples, from as little of it as possible. */
async function readHead(track: SegmentedTrack, index: number) {
  const head = asBuffer(await track.readSegment(index, usualHeadBytes));
  const moof = findMoof(head) ?? findMoof(asBuffer(await track.readSegment(index)));
  if (moof === undefined) throw invalidSegment(index);
  return checked(index, () => {
    const fragment = readFragment(moof);
    const tfdt = childAt(moof, 'moof', 'traf', 'tfdt').content;
    const startTicks = tfdt.readUInt8(0) === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
    const sizeBytes = fragment.samples.reduce((sum, sample) => sum + sample.sizeBytes, 0);
    return { fragment, startTicks, sizeBytes };
  });
}

/** The `moof` in the beginning of a segment, if all of it is there. */
function findMoof(bytes: Buffer): Buffer | undefined {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    if (size < 8 || at + size > bytes.length) return undefined;
    const found = bytes.subarray(at, at + size);
    if (found.toString('latin1', 4, 8) === 'moof') return found;
    at += size;
  }
  return undefined;
}

/** Whether a segment holds what its table says, and where: its samples. */
export function samplesOf(bytes: Uint8Array, index: number, { sizeBytes }: Chunk): Buffer {
  const data = checked(index, () => boxesIn(asBuffer(bytes)).find(({ type }) => type === 'mdat')?.content);
  if (data === undefined || data.length !== sizeBytes) throw invalidSegment(index);
  return data;
}
