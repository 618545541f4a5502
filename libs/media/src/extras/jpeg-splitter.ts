import { KerkisError } from '@kerkis/errors';

/**
 * Splits JPEG pictures that follow each other. Throws KerkisError `internal` ENCODER_OUTPUT_UNEXPECTED for what is none or larger than
 * `maxBytes`, and ENCODER_OUTPUT_CUT_OFF when the stream ends inside one.
 */
export async function* splitJpegs(
  source: AsyncIterable<Buffer>,
  maxBytes = 16 * 1024 ** 2,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = endOfFirst(rest); end !== undefined; end = endOfFirst(rest)) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end);
    }
    if (rest.length > maxBytes) throw unexpected('a picture is too large');
  }
  if (rest.length > 0) {
    throw new KerkisError(
      'internal',
      'ENCODER_OUTPUT_CUT_OFF',
      'The output of the encoder ends in a picture.',
    );
  }
}

const endOfImage = Buffer.from([0xff, 0xd9]);
const startOfScan = 0xffda;

/** Where the first picture ends; undefined when it is not complete yet. */
function endOfFirst(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  if (bytes.readUInt16BE(0) !== 0xffd8) throw unexpected('it is no JPEG');
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes.readUInt16BE(at);
    if (marker < 0xffc0) throw unexpected('a JPEG has no marker where one must be');
    at += 2 + bytes.readUInt16BE(at + 2);
    if (marker !== startOfScan) continue;
    // In the coded picture 0xff is always followed by 0 or by a restart marker.
    const end = bytes.indexOf(endOfImage, at);
    return end < 0 ? undefined : end + 2;
  }
  return undefined;
}

function unexpected(what: string): KerkisError {
  return new KerkisError(
    'internal',
    'ENCODER_OUTPUT_UNEXPECTED',
    `The output of the encoder is wrong: ${what}.`,
  );
}
