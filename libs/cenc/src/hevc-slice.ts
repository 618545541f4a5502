import { atMost, BitReader, bitsFor } from './bit-reader.ts';
import { malformed } from './boxes.ts';
import {
  type HevcParameters,
  type HevcPicture,
  type HevcSequence,
  readReferenceSet,
} from './hevc-parameters.ts';

const maxReferences = 16;
const sliceTypes = { b: 0, p: 1 } as const;
const firstNonSlice = 32;

/**
 * How many bytes of a NAL unit are no slice data: all of one that holds no slice, header and slice segment header (ITU-T H.265, 7.3.6) of
 * one that does. Throws `data_loss` MEDIA_MALFORMED.
 */
export function hevcClearBytes(
  bytes: Buffer,
  start: number,
  end: number,
  parameters: HevcParameters,
): number {
  const type = ((bytes[start] ?? 0) >> 1) & 0x3f;
  if (type >= firstNonSlice) return end - start;
  const bits = new BitReader(bytes, start + 2, end);
  skipSegmentHeader(bits, type, parameters);
  // What aligns it has one bit at least.
  bits.skip(1);
  return Math.min(bits.nextByte, end) - start;
}

function skipSegmentHeader(bits: BitReader, unitType: number, { sequences, pictures }: HevcParameters): void {
  const isFirst = bits.flag();
  if (unitType >= 16 && unitType <= 23) bits.skip(1);
  const picture = pictures.get(bits.ue());
  const sequence = picture && sequences.get(picture.sequence);
  if (!picture || !sequence) throw malformed('A slice names parameters that the track does not have.');
  const isDependent = !isFirst && picture.hasDependentSlices && bits.flag();
  if (!isFirst) bits.skip(sequence.addressBits);
  if (!isDependent) skipIndependent(bits, unitType, picture, sequence);
  if (picture.hasEntryPoints) {
    const count = atMost(bits.ue(), 22 * 440);
    if (count > 0) bits.skip(count * atMost(bits.ue() + 1, 32));
  }
  if (picture.hasHeaderExtension) bits.skip(atMost(bits.ue(), 256) * 8);
}

function skipIndependent(
  bits: BitReader,
  unitType: number,
  picture: HevcPicture,
  sequence: HevcSequence,
): void {
  bits.skip(picture.extraBits);
  const type = bits.ue();
  if (picture.hasOutputFlag) bits.skip(1);
  if (sequence.hasSeparatePlanes) bits.skip(2);
  const isIdr = unitType === 19 || unitType === 20;
  const { used, hasTemporalPrediction } = isIdr ? noReferences : readReferences(bits, sequence);
  const hasLumaOffset = sequence.hasSampleOffset && bits.flag();
  const hasChromaOffset = sequence.hasSampleOffset && sequence.hasChroma && bits.flag();
  if (type === sliceTypes.p || type === sliceTypes.b) {
    const isB = type === sliceTypes.b;
    skipPrediction(bits, { isB, used, hasTemporalPrediction }, picture, sequence);
  }
  bits.se();
  if (picture.hasChromaOffsets) bits.skipUe(2);
  if (picture.hasChromaOffsetList) bits.skip(1);
  let isDeblockingOff = picture.isDeblockingOff;
  if (picture.mayOverrideDeblocking && bits.flag()) {
    isDeblockingOff = bits.flag();
    if (!isDeblockingOff) bits.skipUe(2);
  }
  if (picture.isFilteredAcross && (hasLumaOffset || hasChromaOffset || !isDeblockingOff)) bits.skip(1);
}

const noReferences = { used: 0, hasTemporalPrediction: false };

function readReferences(bits: BitReader, sequence: HevcSequence): typeof noReferences {
  const { sets, longTerm, orderBits } = sequence;
  bits.skip(orderBits);
  const ofSequence = bits.flag();
  const set = ofSequence ? sets[bits.bits(bitsFor(sets.length))] : readReferenceSet(bits, sets, true);
  if (!set) throw malformed('A slice names a set of references that is not there.');
  let used = set.used;
  if (longTerm) {
    const named = longTerm.length > 0 ? atMost(bits.ue(), 32) : 0;
    const all = named + atMost(bits.ue(), 32);
    for (let index = 0; index < all; index += 1) {
      if (index < named) used += longTerm[bits.bits(bitsFor(longTerm.length))] ? 1 : 0;
      else {
        bits.skip(orderBits);
        used += bits.bit();
      }
      if (bits.flag()) bits.ue();
    }
  }
  return { used, hasTemporalPrediction: sequence.hasTemporalPrediction && bits.flag() };
}

function skipPrediction(
  bits: BitReader,
  of: { readonly isB: boolean; readonly used: number; readonly hasTemporalPrediction: boolean },
  picture: HevcPicture,
  sequence: HevcSequence,
): void {
  const { isB, used } = of;
  let [before, after] = picture.references;
  if (bits.flag()) {
    before = bits.ue() + 1;
    if (isB) after = bits.ue() + 1;
  }
  atMost(Math.max(before, after), maxReferences);
  if (picture.mayChangeLists && used > 1) {
    if (bits.flag()) bits.skip(before * bitsFor(used));
    if (isB && bits.flag()) bits.skip(after * bitsFor(used));
  }
  if (isB) bits.skip(1);
  if (picture.hasCabacInit) bits.skip(1);
  if (of.hasTemporalPrediction) {
    const isFromBefore = !isB || bits.flag();
    if ((isFromBefore ? before : after) > 1) bits.ue();
  }
  if (isB ? picture.isBiWeighted : picture.isWeighted) {
    bits.ue();
    if (sequence.hasChroma) bits.se();
    skipWeights(bits, before, sequence.hasChroma);
    if (isB) skipWeights(bits, after, sequence.hasChroma);
  }
  bits.ue();
}

function skipWeights(bits: BitReader, count: number, hasChroma: boolean): void {
  const flags = () => Array.from({ length: count }, () => bits.flag());
  const luma = flags();
  const chroma = hasChroma ? flags() : [];
  for (let index = 0; index < count; index += 1) {
    if (luma[index]) bits.skipUe(2);
    if (chroma[index]) bits.skipUe(4);
  }
}
