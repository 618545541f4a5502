import { malformed } from './boxes.ts';

/** Reads the bits of a NAL unit, leaving out the bytes that keep start codes from arising. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #byte: number;
  #bit = 0;
  #zeros = 0;

  /** From the byte at `start`, which must not be preceded by two zero bytes, up to `end`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#byte = start;
    this.#end = end;
  }

  /** Where the next byte that no bit was read of begins. */
  get nextByte(): number {
    return this.#bit === 0 ? this.#byte : this.#byte + 1;
  }

  /** Whether the last bit that was read ended a byte. */
  get isAligned(): boolean {
    return this.#bit === 0;
  }

  bit(): number {
    if (this.#bit === 0 && this.#zeros >= 2 && this.#bytes[this.#byte] === 3) {
      this.#byte += 1;
      this.#zeros = 0;
    }
    const value = this.#bytes[this.#byte];
    if (value === undefined || this.#byte >= this.#end) throw malformed('A NAL unit ends within its header.');
    const bit = (value >> (7 - this.#bit)) & 1;
    this.#bit += 1;
    if (this.#bit === 8) {
      this.#bit = 0;
      this.#byte += 1;
      this.#zeros = value === 0 ? this.#zeros + 1 : 0;
    }
    return bit;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  /** An unsigned number of up to 32 bits. */
  bits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left -= 1) value = value * 2 + this.bit();
    return value;
  }

  skip(count: number): void {
    for (let left = count; left > 0; left -= 1) this.bit();
  }

  /** An unsigned Exp-Golomb number. */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros += 1;
      if (zeros > 31) throw malformed('A number in a NAL unit is out of all bounds.');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** A signed Exp-Golomb number. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  /** Numbers of which only that they are there counts. `ue` and `se` are as long. */
  skipUe(count: number): void {
    for (let left = count; left > 0; left -= 1) this.ue();
  }
}

/** A number of elements of which more than `most` are a mistake. */
export function atMost(value: number, most: number): number {
  if (value > most) throw malformed('A count in a NAL unit is out of all bounds.');
  return value;
}

/** How many bits tell one of so many. */
export function bitsFor(count: number): number {
  return count <= 1 ? 0 : Math.ceil(Math.log2(count));
}
