/** Reads big-endian numbers out of one box. Past its end every read is undefined behaviour of the file: `Mp4Refusal`. */
export class ByteReader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    if (start > end || end > bytes.length) throw new Mp4Refusal('a box is too short');
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.end - this.at;
  }

  uint8(): number {
    return this.bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.#take(4));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#take(4));
  }

  /** Beyond 2⁵¹ nothing is exact, nor meant. */
  uint64(): number {
    return exact(this.bytes.readBigUInt64BE(this.#take(8)));
  }

  int64(): number {
    return exact(this.bytes.readBigInt64BE(this.#take(8)));
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** Number of entries of a table that follows, each `entryBytes` long. */
  entries(entryBytes: number): number {
    const count = this.uint32();
    if (count * entryBytes > this.left) throw new Mp4Refusal('a table is longer than its box');
    return count;
  }

  #take(count: number): number {
    if (count > this.left) throw new Mp4Refusal('a box is too short');
    this.at += count;
    return this.at - count;
  }
}

/** Why an index is not used. Stays inside this folder: whoever asks for an index gets none. */
export class Mp4Refusal extends Error {}

/** A box inside a buffer: where its content starts and ends. */
export interface BoxRange {
  readonly type: string;
  /** First byte of its header. */
  readonly headerAt: number;
  readonly start: number;
  readonly end: number;
}

/** The boxes between two places of a buffer. Throws Mp4Refusal when one does not fit. */
export function boxesBetween(bytes: Buffer, start: number, end: number): BoxRange[] {
  const boxes: BoxRange[] = [];
  // Up to seven bytes at the end are padding that some cameras write.
  for (let at = start; at + 8 <= end; ) {
    const size = bytes.readUInt32BE(at);
    const isLarge = size === 1 && at + 16 <= end;
    const length = size === 0 ? end - at : isLarge ? exact(bytes.readBigUInt64BE(at + 8)) : size;
    const header = isLarge ? 16 : 8;
    // A 32-bit zero ends the list of a QuickTime container.
    if (size === 0 && bytes.readUInt32BE(at + 4) === 0) break;
    if (length < header || at + length > end) throw new Mp4Refusal('a box does not fit');
    const type = bytes.toString('latin1', at + 4, at + 8);
    boxes.push({ type, headerAt: at, start: at + header, end: at + length });
    if (boxes.length > maxBoxes) throw new Mp4Refusal('there are too many boxes');
    at += length;
  }
  return boxes;
}

/** The only box of a type. Throws Mp4Refusal when there is none, or more than one. */
export function onlyBox(boxes: readonly BoxRange[], type: string): BoxRange {
  const found = optionalBox(boxes, type);
  if (found === undefined) throw new Mp4Refusal(`there is no ${type} box`);
  return found;
}

/** The only box of a type, if there is one. Throws Mp4Refusal when there are more. */
export function optionalBox(boxes: readonly BoxRange[], type: string): BoxRange | undefined {
  const found = boxes.filter((box) => box.type === type);
  if (found.length > 1) throw new Mp4Refusal(`there is more than one ${type} box`);
  return found[0];
}

const maxBoxes = 10_000;

function exact(value: bigint): number {
  if (value > 2n ** 51n || value < -(2n ** 51n)) throw new Mp4Refusal('a number is too large');
  return Number(value);
}
