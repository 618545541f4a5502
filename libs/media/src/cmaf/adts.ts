import { KerkisError } from '@kerkis/errors';

/**
 * The AAC frames of an ADTS stream without their headers, as they come.
 *
 * Throws KerkisError `internal` ENCODER_OUTPUT_UNEXPECTED when a frame has no sync word, and ENCODER_OUTPUT_CUT_OFF when
 * the stream ends inside one.
 */
export async function* splitAdtsFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let at = 0;
    while (at + 7 <= rest.length) {
      const { headerBytes, frameBytes } = readHeader(rest, at);
      if (at + frameBytes > rest.length) break;
      yield rest.subarray(at + headerBytes, at + frameBytes);
      at += frameBytes;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_CUT_OFF',
      'The output of the encoder ends inside a frame.',
    );
  }
}

function readHeader(bytes: Buffer, at: number): { headerBytes: number; frameBytes: number } {
  const frameBytes = ((bytes.readUInt32BE(at + 3) >> 13) & 0x1fff) >>> 0;
  // Without the protection bit two bytes of CRC follow the header.
  const headerBytes = bytes.readUInt8(at + 1) & 1 ? 7 : 9;
  if (bytes.readUInt16BE(at) >> 4 !== 0xfff || frameBytes <= headerBytes) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_UNEXPECTED',
      'The output of the encoder is no ADTS stream.',
    );
  }
  return { headerBytes, frameBytes };
}
