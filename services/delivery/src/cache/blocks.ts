import { Readable } from 'node:stream';
import type { ByteRange } from '@kerkis/objects';
import { blockBytes, blockSpan, type Piece } from './piece.ts';

/** Gives blocks of an object. */
export interface BlockSource {
  /** `isFromStart`: it is read from its first byte on. */
  block(object: Piece, number: number, isFromStart: boolean): Promise<Buffer>;
  /** This one is asked for soon. */
  ahead(object: Piece, number: number): void;
}

/** Opens a range of an object as a stream that holds one block at a time. Rejects if the first one cannot be had. */
export async function openBlocks(
  source: BlockSource,
  object: Piece,
  range: ByteRange,
  signal: AbortSignal,
): Promise<Readable> {
  const { start } = range;
  const end = Math.min(range.end ?? object.sizeBytes - 1, object.sizeBytes - 1);
  const firstNumber = Math.floor(start / blockBytes);
  const first = await source.block(object, firstNumber, start % blockBytes === 0);
  signal.throwIfAborted();

  async function* bodies(): AsyncGenerator<Buffer> {
    let bytes = first;
    for (let number = firstNumber; ; number++) {
      const block = blockSpan(number, object.sizeBytes);
      if (block.end < end) source.ahead(object, number + 1);
      yield bytes.subarray(Math.max(0, start - block.start), Math.min(end, block.end) - block.start + 1);
      if (block.end >= end) return;
      bytes = await source.block(object, number + 1, true);
    }
  }

  return Readable.from(bodies(), { objectMode: false, highWaterMark: 1, signal });
}
