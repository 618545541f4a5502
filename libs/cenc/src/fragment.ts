import { type Box, boxAt, boxesIn, findBox, malformed, notSupported } from './boxes.ts';

/** One movie fragment of one track. */
export interface Fragment {
  readonly moof: Box;
  readonly traf: Box;
  /** Places of the data offsets of its runs, which count from the beginning of `moof`. */
  readonly dataOffsets: readonly number[];
  readonly samples: readonly { readonly start: number; readonly end: number }[];
}

const flags = {
  baseDataOffset: 0x1,
  descriptionIndex: 0x2,
  defaultDuration: 0x8,
  defaultSize: 0x10,
  defaultBaseIsMoof: 0x20000,
  dataOffset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  compositionOffset: 0x800,
} as const;

/** Where the samples of a fragment are. Throws `data_loss` MEDIA_MALFORMED, `unsupported` ENCRYPTION_NOT_SUPPORTED. */
export function readFragment(bytes: Buffer, moof: Box, defaultSampleBytes: number): Fragment {
  const trafs = boxesIn(bytes, moof.content, moof.end).filter(({ type }) => type === 'traf');
  const [traf] = trafs;
  if (!traf || trafs.length > 1) throw notSupported('Only fragments of one track are encrypted.');
  if (findBox(bytes, 'senc', traf)) throw notSupported('The segment is encrypted already.');
  const defaultSize = readHeader(bytes, boxAt(bytes, ['tfhd'], traf)) ?? defaultSampleBytes;
  const dataOffsets: number[] = [];
  const samples: Fragment['samples'][number][] = [];
  for (const trun of boxesIn(bytes, traf.content, traf.end).filter(({ type }) => type === 'trun')) {
    readRun(bytes, trun, { moof, defaultSize, dataOffsets, samples });
  }
  return { moof, traf, dataOffsets, samples };
}

/** The size that samples have unless they say another. */
function readHeader(bytes: Buffer, tfhd: Box): number | undefined {
  const fields = fieldsOf(bytes, tfhd);
  if (fields.flags & flags.baseDataOffset || !(fields.flags & flags.defaultBaseIsMoof)) {
    throw notSupported('Only fragments whose data offsets count from themselves are encrypted.');
  }
  fields.next();
  if (fields.flags & flags.descriptionIndex) fields.next();
  if (fields.flags & flags.defaultDuration) fields.next();
  return fields.flags & flags.defaultSize ? fields.next() : undefined;
}

function readRun(
  bytes: Buffer,
  trun: Box,
  into: {
    readonly moof: Box;
    readonly defaultSize: number;
    readonly dataOffsets: number[];
    readonly samples: Fragment['samples'][number][];
  },
): void {
  const fields = fieldsOf(bytes, trun);
  const count = fields.next();
  if (!(fields.flags & flags.dataOffset))
    throw notSupported('A run of samples does not say where it begins.');
  into.dataOffsets.push(fields.at);
  let start = into.moof.start + fields.next();
  if (fields.flags & flags.firstFlags) fields.next();
  for (let left = count; left > 0; left -= 1) {
    if (fields.flags & flags.duration) fields.next();
    const sizeBytes = fields.flags & flags.size ? fields.next() : into.defaultSize;
    if (fields.flags & flags.flags) fields.next();
    if (fields.flags & flags.compositionOffset) fields.next();
    if (start < 0 || start + sizeBytes > bytes.length)
      throw malformed('A sample lies outside of its segment.');
    if (into.samples.length >= maxSamples) throw malformed('A segment has too many samples.');
    into.samples.push({ start, end: start + sizeBytes });
    start += sizeBytes;
  }
}

/** More than an hour of sound has. A run of samples of no size could claim any number. */
const maxSamples = 400_000;

/** The 32-bit fields of a full box, one after the other. */
function fieldsOf(bytes: Buffer, { content, end, type }: Box) {
  const read = (at: number) => {
    if (at + 4 > end) throw malformed(`The ${type} box is cut off.`);
    return bytes.readUInt32BE(at);
  };
  const fields = {
    flags: read(content) & 0xffffff,
    at: content + 4,
    next() {
      const value = read(fields.at);
      fields.at += 4;
      return value;
    },
  };
  return fields;
}
