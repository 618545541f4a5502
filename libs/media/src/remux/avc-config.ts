/** What a `avcC` box says, as far as it decides whether pictures can be published as they are. */
export interface AvcConfig {
  /** RFC 6381: `avc1.64001f`. */
  readonly codecs: string;
  /** Bytes of the length in front of each NAL unit. */
  readonly lengthBytes: number;
}

/** Baseline, Main, High: what every player decodes. */
const knownProfiles: readonly number[] = [66, 77, 100];
/** Level × 10. */
const highestLevel = 51;

/**
 * Reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) and its first sequence parameter set. Undefined unless it is
 * 4:2:0 with 8 bits, of frames only, in a profile and level that players know.
 */
export function readAvcConfig(record: Uint8Array): AvcConfig | undefined {
  const [version, profile = 0, , level = 0, lengths = 0, sets = 0, high = 0, low = 0] = record;
  const setBytes = high * 256 + low;
  const set = record.subarray(8, 8 + setBytes);
  const pictureSets = record[8 + setBytes] ?? 0;
  if (version !== 1 || (sets & 0x1f) !== 1 || set.length !== setBytes || setBytes < 4 || pictureSets === 0)
    return undefined;
  if (!knownProfiles.includes(profile) || level < 10 || level > highestLevel) return undefined;
  // The container may say something else than the stream: the stream counts.
  if (set[1] !== profile || set[3] !== level || !isPlainProgressive(set, profile)) return undefined;
  const name = Buffer.from(record.subarray(1, 4)).toString('hex');
  return { codecs: `avc1.${name}`, lengthBytes: (lengths & 3) + 1 };
}

/** Whether a sequence parameter set (ITU-T H.264, 7.3.2.1.1) is 4:2:0, 8 bits, frames only. */
function isPlainProgressive(set: Uint8Array, profile: number): boolean {
  const bits = new BitReader(withoutEmulation(set.subarray(4)));
  bits.golomb();
  if (profile === 100) {
    if (bits.golomb() !== 1 || bits.golomb() !== 0 || bits.golomb() !== 0) return false;
    bits.bits(1);
    if (bits.bits(1) === 1) skipScalingLists(bits);
  }
  bits.golomb();
  const orderType = bits.golomb();
  if (orderType === 0) bits.golomb();
  else if (orderType === 1) {
    bits.bits(1);
    bits.golomb();
    bits.golomb();
    for (let count = bits.golomb(); count > 0 && bits.hasMore; count--) bits.golomb();
  }
  bits.golomb();
  bits.bits(1);
  bits.golomb();
  bits.golomb();
  return bits.bits(1) === 1 && bits.hasMore;
}

function skipScalingLists(bits: BitReader): void {
  for (let list = 0; list < 8; list++) {
    if (bits.bits(1) === 0) continue;
    let last = 8;
    let next = 8;
    for (let index = 0; index < (list < 6 ? 16 : 64); index++) {
      if (next !== 0) next = (last + signed(bits.golomb()) + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

const signed = (code: number) => (code % 2 === 0 ? -code / 2 : (code + 1) / 2);

/** Payload without the bytes that keep start codes out of it. */
function withoutEmulation(bytes: Uint8Array): Uint8Array {
  const kept = [...bytes].filter(
    (byte, index) => !(byte === 3 && bytes[index - 1] === 0 && bytes[index - 2] === 0),
  );
  return Uint8Array.from(kept);
}

/** Reads bits; behind the end all are zero. */
class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at <= this.#bytes.length * 8;
  }

  bits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--) {
      value = value * 2 + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
      this.#at++;
    }
    return value;
  }

  /** An unsigned Exp-Golomb code. */
  golomb(): number {
    let zeros = 0;
    while (zeros < 32 && this.hasMore && this.bits(1) === 0) zeros++;
    return 2 ** zeros - 1 + this.bits(zeros);
  }
}

const idrSlice = 5;
/** Types of NAL units that hold slices. */
const firstSlice = 1;
const lastSlice = 5;

/**
 * Whether the first slice of a sample is of an IDR picture; undefined when the given first bytes do not reach that far, with how many
 * more would.
 */
export function startsWithIdr(
  bytes: Uint8Array,
  lengthBytes: number,
): { readonly isIdr: boolean } | { readonly neededBytes: number } {
  for (let at = 0; ; ) {
    const end = at + lengthBytes;
    if (end >= bytes.length) return { neededBytes: end + 1 };
    let length = 0;
    for (const byte of bytes.subarray(at, end)) length = length * 256 + byte;
    const type = (bytes[end] ?? 0) & 0x1f;
    if (type >= firstSlice && type <= lastSlice) return { isIdr: type === idrSlice };
    if (length === 0) return { isIdr: false };
    at = end + length;
  }
}
