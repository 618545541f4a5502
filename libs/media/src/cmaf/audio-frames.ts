import { KerkisError } from '@kerkis/errors';
import { splitAdtsFrames } from './adts.ts';
import { splitBoxes } from './box-splitter.ts';
import { readFragment } from './media-segment.ts';

/** The coded frames of an encoder's output as they come: AAC as ADTS, Opus as fragmented MP4, both as `audioUnitArgs` asks for. */
export function audioFrames(codec: 'aac' | 'opus', source: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  return codec === 'opus' ? splitFragments(source) : splitAdtsFrames(source);
}

/** Throws KerkisError `internal` BOX_INVALID, ENCODER_OUTPUT_UNEXPECTED or ENCODER_OUTPUT_CUT_OFF. */
async function* splitFragments(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let moof: Buffer | undefined;
  for await (const part of splitBoxes(source)) {
    if (part.type === 'moof') moof = part.bytes;
    if (part.type !== 'mdat') continue;
    if (moof === undefined) throw unexpected('samples come without a fragment');
    let at = 0;
    for (const { sizeBytes } of readFragment(moof).samples) {
      if (at + sizeBytes > part.content.length) throw unexpected('samples are longer than their data');
      yield part.content.subarray(at, at + sizeBytes);
      at += sizeBytes;
    }
    moof = undefined;
  }
}

function unexpected(what: string): KerkisError {
  return new KerkisError(
    'internal',
    'ENCODER_OUTPUT_UNEXPECTED',
    `The output of the encoder is wrong: ${what}.`,
  );
}
