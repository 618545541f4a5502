import { atMost, BitReader, bitsFor } from './bit-reader.ts';
import { malformed } from './boxes.ts';

/** What slice headers of HEVC (ITU-T H.265, 7.3.2.2 and 7.3.2.3) are read with. */
export interface HevcParameters {
  readonly sequences: ReadonlyMap<number, HevcSequence>;
  readonly pictures: ReadonlyMap<number, HevcPicture>;
}

/** How many pictures a short-term set of references has, and how many of them the current picture may use. */
export interface ReferenceSet {
  readonly count: number;
  readonly used: number;
}

/** What of a sequence parameter set counts. */
export interface HevcSequence {
  readonly hasSeparatePlanes: boolean;
  readonly hasChroma: boolean;
  readonly addressBits: number;
  readonly orderBits: number;
  readonly sets: readonly ReferenceSet[];
  /** Of each long-term reference, whether it is used; undefined where there are none. */
  readonly longTerm: readonly boolean[] | undefined;
  readonly hasTemporalPrediction: boolean;
  readonly hasSampleOffset: boolean;
}

/** What of a picture parameter set counts. */
export interface HevcPicture {
  readonly sequence: number;
  readonly hasDependentSlices: boolean;
  readonly hasOutputFlag: boolean;
  readonly extraBits: number;
  readonly hasCabacInit: boolean;
  readonly references: readonly [number, number];
  readonly hasChromaOffsets: boolean;
  readonly hasChromaOffsetList: boolean;
  readonly isWeighted: boolean;
  readonly isBiWeighted: boolean;
  readonly hasEntryPoints: boolean;
  readonly isFilteredAcross: boolean;
  readonly mayOverrideDeblocking: boolean;
  readonly isDeblockingOff: boolean;
  readonly mayChangeLists: boolean;
  readonly hasHeaderExtension: boolean;
}

const sequenceUnit = 33;
const pictureUnit = 34;
const maxSets = 64;
const maxPictures = 16;

/** The parameter sets of an `hvcC` box. Throws `data_loss` MEDIA_MALFORMED. */
export function readHevcParameters(config: Buffer): HevcParameters {
  const sequences = new Map<number, HevcSequence>();
  const pictures = new Map<number, HevcPicture>();
  const need = (until: number) => {
    if (until > config.length) throw malformed('The hvcC box is cut off.');
  };
  need(23);
  let at = 23;
  for (let arrays = config.readUInt8(22); arrays > 0; arrays -= 1) {
    need(at + 3);
    const type = config.readUInt8(at) & 0x3f;
    let count = config.readUInt16BE(at + 1);
    at += 3;
    for (; count > 0; count -= 1) {
      need(at + 2);
      const end = at + 2 + config.readUInt16BE(at);
      need(end);
      const bits = new BitReader(config, at + 4, end);
      if (type === sequenceUnit) readSequence(bits, sequences);
      else if (type === pictureUnit) readPicture(bits, pictures);
      at = end;
    }
  }
  return { sequences, pictures };
}

function readSequence(bits: BitReader, into: Map<number, HevcSequence>): void {
  bits.skip(4);
  const subLayers = bits.bits(3);
  bits.skip(1);
  skipProfile(bits, subLayers);
  const id = bits.ue();
  const chromaFormat = bits.ue();
  const hasSeparatePlanes = chromaFormat === 3 && bits.flag();
  const [width, height] = [bits.ue(), bits.ue()];
  if (bits.flag()) bits.skipUe(4);
  bits.skipUe(2);
  const orderBits = atMost(bits.ue() + 4, 16);
  const layers = bits.flag() ? subLayers + 1 : 1;
  bits.skipUe(layers * 3);
  const blockBits = atMost(bits.ue() + 3 + bits.ue(), 16);
  bits.skipUe(4);
  if (bits.flag() && bits.flag()) skipScalingLists(bits);
  bits.skip(1);
  const hasSampleOffset = bits.flag();
  if (bits.flag()) {
    bits.skip(8);
    bits.skipUe(2);
    bits.skip(1);
  }
  const sets: ReferenceSet[] = [];
  for (let left = atMost(bits.ue(), maxSets); left > 0; left -= 1)
    sets.push(readReferenceSet(bits, sets, false));
  const longTerm = bits.flag() ? readLongTerm(bits, orderBits) : undefined;
  const blocks = (side: number) => Math.ceil(side / 2 ** blockBits);
  into.set(id, {
    hasSeparatePlanes,
    hasChroma: chromaFormat !== 0 && !hasSeparatePlanes,
    addressBits: bitsFor(blocks(width) * blocks(height)),
    orderBits,
    sets,
    longTerm,
    hasTemporalPrediction: bits.flag(),
    hasSampleOffset,
  });
}

function readLongTerm(bits: BitReader, orderBits: number): boolean[] {
  return Array.from({ length: atMost(bits.ue(), 32) }, () => {
    bits.skip(orderBits);
    return bits.flag();
  });
}

function skipProfile(bits: BitReader, subLayers: number): void {
  bits.skip(96);
  const present = Array.from({ length: subLayers }, () => [bits.flag(), bits.flag()] as const);
  if (subLayers > 0) bits.skip(2 * (8 - subLayers));
  for (const [profile, level] of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}

function skipScalingLists(bits: BitReader): void {
  for (let size = 0; size < 4; size += 1) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!bits.flag()) bits.ue();
      else {
        if (size > 1) bits.se();
        bits.skipUe(Math.min(64, 2 ** (4 + 2 * size)));
      }
    }
  }
}

/** `st_ref_pic_set` (7.3.7), in a sequence or, as one more behind its sets, in a slice. */
export function readReferenceSet(
  bits: BitReader,
  sets: readonly ReferenceSet[],
  inSlice: boolean,
): ReferenceSet {
  if (sets.length > 0 && bits.flag()) {
    const behind = inSlice ? bits.ue() + 1 : 1;
    bits.skip(1);
    bits.ue();
    const from = sets[sets.length - behind];
    if (!from) throw malformed('A set of references is made from one that is not there.');
    let count = 0;
    let used = 0;
    for (let left = from.count; left >= 0; left -= 1) {
      const isUsed = bits.flag();
      if (isUsed || bits.flag()) count += 1;
      if (isUsed) used += 1;
    }
    return { count: atMost(count, maxPictures), used };
  }
  const count = atMost(bits.ue(), maxPictures) + atMost(bits.ue(), maxPictures);
  let used = 0;
  for (let left = count; left > 0; left -= 1) {
    bits.ue();
    if (bits.flag()) used += 1;
  }
  return { count, used };
}

function readPicture(bits: BitReader, into: Map<number, HevcPicture>): void {
  const id = bits.ue();
  const sequence = bits.ue();
  const [hasDependentSlices, hasOutputFlag] = [bits.flag(), bits.flag()];
  const extraBits = bits.bits(3);
  bits.skip(1);
  const hasCabacInit = bits.flag();
  const references = [bits.ue() + 1, bits.ue() + 1] as const;
  bits.se();
  bits.skip(1);
  const mayTransformSkip = bits.flag();
  if (bits.flag()) bits.ue();
  bits.skipUe(2);
  const [hasChromaOffsets, isWeighted, isBiWeighted] = [bits.flag(), bits.flag(), bits.flag()];
  bits.skip(1);
  const [hasTiles, isSynchronized] = [bits.flag(), bits.flag()];
  if (hasTiles) {
    const [columns, rows] = [atMost(bits.ue(), 64), atMost(bits.ue(), 64)];
    if (!bits.flag()) bits.skipUe(columns + rows);
    bits.skip(1);
  }
  const isFilteredAcross = bits.flag();
  let mayOverrideDeblocking = false;
  let isDeblockingOff = false;
  if (bits.flag()) {
    mayOverrideDeblocking = bits.flag();
    isDeblockingOff = bits.flag();
    if (!isDeblockingOff) bits.skipUe(2);
  }
  if (bits.flag()) skipScalingLists(bits);
  const mayChangeLists = bits.flag();
  bits.ue();
  const hasHeaderExtension = bits.flag();
  into.set(id, {
    ...{ sequence, hasDependentSlices, hasOutputFlag, extraBits, hasCabacInit, references, hasChromaOffsets },
    ...{ isWeighted, isBiWeighted, isFilteredAcross, mayOverrideDeblocking, isDeblockingOff, mayChangeLists },
    hasHeaderExtension,
    hasEntryPoints: hasTiles || isSynchronized,
    hasChromaOffsetList: hasOffsetList(bits, mayTransformSkip),
  });
}

/** `pps_range_extension` (7.3.2.3.2). */
function hasOffsetList(bits: BitReader, mayTransformSkip: boolean): boolean {
  if (!bits.flag()) return false;
  const hasRange = bits.flag();
  bits.skip(7);
  if (!hasRange) return false;
  if (mayTransformSkip) bits.ue();
  bits.skip(1);
  return bits.flag();
}
