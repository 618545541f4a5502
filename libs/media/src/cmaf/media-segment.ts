import { KerkisError } from '@kerkis/errors';
import { box, boxesIn, childAt, fullBox, uint32, uint64 } from './box.ts';

/** One sample of a fragment. */
export interface Sample {
  readonly sizeBytes: number;
  readonly flags: number;
  /** Composition time minus decode time in ticks. */
  readonly compositionOffset: number;
  /** In ticks; the segment's `sampleDuration` by default. */
  readonly duration?: number;
}

/** What a media segment says. */
export interface SegmentLayout {
  /** Counts from zero; `mfhd` says one more. */
  readonly index: number;
  /** `tfdt`: decode time of the first sample in ticks. */
  readonly decodeTime: number;
  /** Of every sample that states none, in ticks. */
  readonly sampleDuration: number;
}

/** Flags of a sample that decoding can start at: depends on no other. */
export const syncSampleFlags = 0x02000000;
/** Flags of any other sample: depends on others, no sync sample. */
export const nonSyncSampleFlags = 0x01010000;
const isNonSync = 0x00010000;

const styp = box('styp', Buffer.from('cmfs'), uint32(0), Buffer.from('cmfsmsdh'));

/** A CMAF media segment: `styp`, one `moof` with one `trun`, one `mdat`. */
export function mediaSegment(layout: SegmentLayout, samples: readonly Sample[], data: Uint8Array): Buffer {
  const hasOffsets = samples.some((sample) => sample.compositionOffset !== 0);
  const [first] = samples;
  const rest = samples[1]?.flags ?? first?.flags ?? 0;
  const sameFlags = samples.every((sample, index) => index === 0 || sample.flags === rest);
  const hasDurations = samples.some(
    ({ duration = layout.sampleDuration }) => duration !== layout.sampleDuration,
  );
  // trun: data offset; then first sample's flags or each one's; durations; sizes; offsets.
  const trunFlags =
    0x001 | (sameFlags ? 0x004 : 0x400) | (hasDurations ? 0x100 : 0) | 0x200 | (hasOffsets ? 0x800 : 0);
  const table = samples.flatMap((sample) => [
    ...(hasDurations ? [sample.duration ?? layout.sampleDuration] : []),
    sample.sizeBytes,
    ...(sameFlags ? [] : [sample.flags]),
    ...(hasOffsets ? [sample.compositionOffset] : []),
  ]);
  const build = (dataOffset: number) =>
    box(
      'moof',
      fullBox('mfhd', 0, 0, uint32(layout.index + 1)),
      box(
        'traf',
        // default-base-is-moof, default duration, default flags.
        fullBox('tfhd', 0, 0x020028, uint32(1, layout.sampleDuration, rest)),
        fullBox('tfdt', 1, 0, uint64(layout.decodeTime)),
        fullBox(
          'trun',
          0,
          trunFlags,
          uint32(samples.length, dataOffset, ...(sameFlags ? [first?.flags ?? 0] : []), ...table),
        ),
      ),
    );
  const moof = build(build(0).length + 8);
  return Buffer.concat([styp, moof, box('mdat', data)]);
}

/** What the encoder wrote into a fragment. */
export interface Fragment {
  readonly samples: readonly Sample[];
  /** Duration of each sample in ticks. */
  readonly durations: readonly number[];
  /** From the beginning of the `moof` to that of the first sample, in bytes; absent where the fragment does not tell. */
  readonly dataOffset?: number;
}

/** Reads a `moof` with one `traf` and one `trun`. Throws KerkisError `internal` BOX_INVALID or BOX_MISSING. */
export function readFragment(moof: Buffer): Fragment {
  const traf = childAt(moof, 'moof', 'traf').content;
  const runs = boxesIn(traf).filter((child) => child.type === 'trun');
  const tfhd = readTrackHeader(childAt(traf, 'tfhd').content);
  const [run] = runs;
  if (run === undefined || runs.length > 1) throw malformed('a fragment has not one run of samples');
  const reader = new FieldReader(run.content);
  const word = reader.next();
  const flags = word & 0xffffff;
  const count = reader.next();
  // Samples that are all alike take no room in the table.
  const mostSamples = flags & 0xf00 ? moof.length / 4 : 65_536;
  if (count === 0 || count > mostSamples) throw malformed('a fragment has an impossible number of samples');
  const dataOffset = flags & 0x001 ? { dataOffset: reader.next() | 0 } : {};
  const firstFlags = flags & 0x004 ? reader.next() : undefined;
  const durations: number[] = [];
  const samples: Sample[] = [];
  for (let index = 0; index < count; index++) {
    durations.push(flags & 0x100 ? reader.next() : tfhd.duration);
    const sizeBytes = flags & 0x200 ? reader.next() : tfhd.size;
    const own = flags & 0x400 ? reader.next() : tfhd.flags;
    const offset = flags & 0x800 ? reader.next() | 0 : 0;
    samples.push({ sizeBytes, flags: index === 0 ? (firstFlags ?? own) : own, compositionOffset: offset });
  }
  return { samples, durations, ...dataOffset };
}

/** Whether decoding can start at a sample. */
export function isSync(sample: Sample): boolean {
  return (sample.flags & isNonSync) === 0;
}

function readTrackHeader(content: Buffer): { duration: number; size: number; flags: number } {
  const reader = new FieldReader(content);
  const flags = reader.next() & 0xffffff;
  reader.next();
  if (flags & 0x01) reader.skip(8);
  if (flags & 0x02) reader.next();
  return {
    duration: flags & 0x08 ? reader.next() : 0,
    size: flags & 0x10 ? reader.next() : 0,
    flags: flags & 0x20 ? reader.next() : 0,
  };
}

class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): number {
    if (this.#at + 4 > this.#bytes.length) throw malformed('a box is too short');
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }
}

function malformed(what: string): KerkisError {
  return new KerkisError('internal', 'BOX_INVALID', `The output of the encoder is malformed: ${what}.`);
}
