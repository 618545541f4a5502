import { atMost, BitReader } from './bit-reader.ts';
import { malformed, notSupported } from './boxes.ts';

/** What slice headers of H.264 (ITU-T H.264, 7.3.2.1 and 7.3.2.2) are read with. */
export interface AvcParameters {
  readonly sequences: ReadonlyMap<number, SequenceParameters>;
  readonly pictures: ReadonlyMap<number, PictureParameters>;
}

interface SequenceParameters {
  readonly hasSeparatePlanes: boolean;
  readonly hasChroma: boolean;
  readonly frameNumBits: number;
  readonly orderType: number;
  readonly orderBits: number;
  readonly isDeltaAlwaysZero: boolean;
  readonly isFramesOnly: boolean;
}

interface PictureParameters {
  readonly sequence: number;
  readonly isCabac: boolean;
  readonly hasBottomOrder: boolean;
  readonly references: readonly [number, number];
  readonly isWeighted: boolean;
  readonly weightedBi: number;
  readonly hasDeblocking: boolean;
  readonly hasRedundant: boolean;
}

const withChromaFormat = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const sliceTypes = { p: 0, b: 1, i: 2, sp: 3, si: 4 } as const;
const idrUnit = 5;
const maxReferences = 32;

/** The parameter sets of an `avcC` box. */
export function readAvcParameters(config: Buffer): AvcParameters {
  const sequences = new Map<number, SequenceParameters>();
  const pictures = new Map<number, PictureParameters>();
  let at = 5;
  const units = (mask: number, read: (start: number, end: number) => void) => {
    if (at >= config.length) throw malformed('The avcC box is cut off.');
    const count = config.readUInt8(at) & mask;
    at += 1;
    for (let left = count; left > 0; left -= 1) {
      const size = at + 2 <= config.length ? config.readUInt16BE(at) : config.length;
      if (at + 2 + size > config.length) throw malformed('The avcC box is cut off.');
      read(at + 3, at + 2 + size);
      at += 2 + size;
    }
  };
  units(0x1f, (start, end) => readSequence(new BitReader(config, start, end), sequences));
  units(0xff, (start, end) => readPicture(new BitReader(config, start, end), pictures));
  return { sequences, pictures };
}

function readSequence(bits: BitReader, into: Map<number, SequenceParameters>): void {
  const profile = bits.bits(8);
  bits.skip(16);
  const id = bits.ue();
  let chromaFormat = 1;
  let hasSeparatePlanes = false;
  if (withChromaFormat.has(profile)) {
    chromaFormat = bits.ue();
    if (chromaFormat === 3) hasSeparatePlanes = bits.flag();
    bits.skipUe(2);
    bits.skip(1);
    if (bits.flag()) skipScalingLists(bits, chromaFormat === 3 ? 12 : 8);
  }
  const frameNumBits = bits.ue() + 4;
  const orderType = bits.ue();
  let orderBits = 0;
  let isDeltaAlwaysZero = false;
  if (orderType === 0) orderBits = bits.ue() + 4;
  else if (orderType === 1) {
    isDeltaAlwaysZero = bits.flag();
    bits.skipUe(2);
    bits.skipUe(atMost(bits.ue(), 255));
  }
  bits.ue();
  bits.skip(1);
  bits.skipUe(2);
  const isFramesOnly = bits.flag();
  into.set(id, {
    hasSeparatePlanes,
    hasChroma: chromaFormat !== 0 && !hasSeparatePlanes,
    frameNumBits: atMost(frameNumBits, 16),
    orderType,
    orderBits: atMost(orderBits, 16),
    isDeltaAlwaysZero,
    isFramesOnly,
  });
}

function skipScalingLists(bits: BitReader, count: number): void {
  for (let list = 0; list < count; list += 1) {
    if (!bits.flag()) continue;
    let last = 8;
    let next = 8;
    for (let entry = 0; entry < (list < 6 ? 16 : 64); entry += 1) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      last = next === 0 ? last : next;
    }
  }
}

function readPicture(bits: BitReader, into: Map<number, PictureParameters>): void {
  const id = bits.ue();
  const sequence = bits.ue();
  const isCabac = bits.flag();
  const hasBottomOrder = bits.flag();
  if (bits.ue() > 0) throw notSupported('Pictures in slice groups cannot be encrypted by pattern.');
  const references = [bits.ue() + 1, bits.ue() + 1] as const;
  const isWeighted = bits.flag();
  const weightedBi = bits.bits(2);
  bits.skipUe(3);
  const hasDeblocking = bits.flag();
  bits.skip(1);
  const hasRedundant = bits.flag();
  into.set(id, {
    ...{ sequence, isCabac, hasBottomOrder, references, isWeighted, weightedBi, hasDeblocking, hasRedundant },
  });
}

/**
 * How many bytes of a NAL unit are no slice data: all of one that holds no slice, header and slice header of one that does. Throws
 * `data_loss` MEDIA_MALFORMED.
 */
export function avcClearBytes(bytes: Buffer, start: number, end: number, parameters: AvcParameters): number {
  const first = bytes[start] ?? 0;
  const type = first & 0x1f;
  if (type < 1 || type > idrUnit) return end - start;
  // Data partitions have headers of their own, and no player that knows of cbcs plays them.
  if (type > 1 && type < idrUnit)
    throw notSupported('Pictures in data partitions cannot be encrypted by pattern.');
  const bits = new BitReader(bytes, start + 1, end);
  skipSliceHeader(bits, { isIdr: type === idrUnit, isReference: (first & 0x60) !== 0 }, parameters);
  return Math.min(bits.nextByte, end) - start;
}

function skipSliceHeader(
  bits: BitReader,
  { isIdr, isReference }: { readonly isIdr: boolean; readonly isReference: boolean },
  { sequences, pictures }: AvcParameters,
): void {
  bits.ue();
  const type = bits.ue() % 5;
  const picture = pictures.get(bits.ue());
  const sequence = picture && sequences.get(picture.sequence);
  if (!picture || !sequence) throw malformed('A slice names parameters that the track does not have.');
  const isB = type === sliceTypes.b;
  const isP = type === sliceTypes.p || type === sliceTypes.sp;
  if (sequence.hasSeparatePlanes) bits.skip(2);
  bits.skip(sequence.frameNumBits);
  const isField = !sequence.isFramesOnly && bits.flag();
  if (isField) bits.skip(1);
  if (isIdr) bits.ue();
  const hasBottomOrder = picture.hasBottomOrder && !isField;
  if (sequence.orderType === 0) {
    bits.skip(sequence.orderBits);
    if (hasBottomOrder) bits.se();
  } else if (sequence.orderType === 1 && !sequence.isDeltaAlwaysZero) {
    bits.se();
    if (hasBottomOrder) bits.se();
  }
  if (picture.hasRedundant) bits.ue();
  if (isB) bits.skip(1);
  let [before, after] = picture.references;
  if ((isP || isB) && bits.flag()) {
    before = bits.ue() + 1;
    if (isB) after = bits.ue() + 1;
  }
  if (isP || isB) skipListChanges(bits);
  if (isB) skipListChanges(bits);
  if ((isP && picture.isWeighted) || (isB && picture.weightedBi === 1)) {
    bits.ue();
    if (sequence.hasChroma) bits.ue();
    skipWeights(bits, atMost(before, maxReferences), sequence.hasChroma);
    if (isB) skipWeights(bits, atMost(after, maxReferences), sequence.hasChroma);
  }
  if (isReference) skipMarking(bits, isIdr);
  const isIntra = type === sliceTypes.i || type === sliceTypes.si;
  if (picture.isCabac && !isIntra) bits.ue();
  bits.se();
  if (type === sliceTypes.sp) bits.skip(1);
  if (type === sliceTypes.sp || type === sliceTypes.si) bits.se();
  if (picture.hasDeblocking && bits.ue() !== 1) bits.skipUe(2);
}

function skipListChanges(bits: BitReader): void {
  if (!bits.flag()) return;
  for (let left = maxReferences + 2; bits.ue() !== 3; left -= 1) {
    if (left === 0) throw malformed('A list of references does not end.');
    bits.ue();
  }
}

function skipWeights(bits: BitReader, count: number, hasChroma: boolean): void {
  for (let left = count; left > 0; left -= 1) {
    if (bits.flag()) bits.skipUe(2);
    if (hasChroma && bits.flag()) bits.skipUe(4);
  }
}

function skipMarking(bits: BitReader, isIdr: boolean): void {
  if (isIdr) {
    bits.skip(2);
    return;
  }
  if (!bits.flag()) return;
  for (let left = 2 * maxReferences; ; left -= 1) {
    const operation = bits.ue();
    if (operation === 0) return;
    if (left === 0) throw malformed('A list of marks does not end.');
    if (operation !== 5) bits.ue();
    if (operation === 3) bits.ue();
  }
}
