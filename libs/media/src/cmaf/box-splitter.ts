import { KerkisError } from '@kerkis/errors';
import type { Box } from './box.ts';

/** Boxes larger than this are no segment but a defect or an attack. */
export const defaultMaxBoxBytes = 256 * 1024 ** 2;

/**
 * Splits a stream of bytes into its top-level boxes as they come.
 *
 * Throws KerkisError `internal` BOX_INVALID for a size that cannot be, and `internal` ENCODER_OUTPUT_CUT_OFF when the
 * stream ends inside a box.
 */
export async function* splitBoxes(
  source: AsyncIterable<Uint8Array>,
  maxBoxBytes = defaultMaxBoxBytes,
): AsyncGenerator<Box> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    parts.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    length += chunk.byteLength;
    let size = sizeOfNext(parts, length, maxBoxBytes);
    while (size !== undefined && length >= size) {
      const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, length);
      const bytes = all.subarray(0, size);
      yield { type: bytes.toString('latin1', 4, 8), bytes, content: bytes.subarray(8) };
      parts = length === size ? [] : [all.subarray(size)];
      length -= size;
      size = sizeOfNext(parts, length, maxBoxBytes);
    }
  }
  if (length > 0) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_CUT_OFF',
      'The output of the encoder ends inside a box.',
    );
  }
}

function sizeOfNext(parts: Buffer[], length: number, maxBoxBytes: number): number | undefined {
  if (length < 8) return undefined;
  if ((parts[0]?.length ?? 0) < 8) parts.splice(0, parts.length, Buffer.concat(parts, length));
  const size = parts[0]?.readUInt32BE(0) ?? 0;
  if (size < 8 || size > maxBoxBytes) {
    throw new KerkisError('internal', 'BOX_INVALID', `The encoder wrote a box of ${size} bytes.`);
  }
  return size;
}
