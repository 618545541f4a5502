import { KerkisError } from '@kerkis/errors';

/** One box of ISO/IEC 14496-12, a view into a larger buffer. */
export interface Box {
  readonly type: string;
  /** The whole box with its header. */
  readonly bytes: Buffer;
  /** What follows the header. */
  readonly content: Buffer;
}

/** A box with a 32-bit size around the given parts. */
export function box(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + parts.reduce((sum, part) => sum + part.length, 0));
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, ...parts]);
}

/** A box with version and flags in front of the given parts. */
export function fullBox(
  type: string,
  version: number,
  flags: number,
  ...parts: readonly Uint8Array[]
): Buffer {
  return box(type, uint32((version << 24) | flags), ...parts);
}

/** Big-endian 32-bit numbers in a row. */
export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value >>> 0, index * 4);
  });
  return bytes;
}

/** Big-endian 16-bit numbers in a row. */
export function uint16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value & 0xffff, index * 2);
  });
  return bytes;
}

/** A big-endian 64-bit number. */
export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** The boxes that follow each other in `bytes`. Throws KerkisError `internal` BOX_INVALID when one does not fit. */
export function boxesIn(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = at + 8 <= bytes.length ? bytes.readUInt32BE(at) : 0;
    if (size < 8 || at + size > bytes.length) {
      throw new KerkisError('internal', 'BOX_INVALID', 'The encoder wrote a box that does not fit.');
    }
    const type = bytes.toString('latin1', at + 4, at + 8);
    boxes.push({ type, bytes: bytes.subarray(at, at + size), content: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return boxes;
}

/** The only child of this type, down a path. Throws KerkisError `internal` BOX_MISSING. */
export function childAt(bytes: Buffer, ...path: readonly string[]): Box {
  let content = bytes;
  let found: Box | undefined;
  for (const type of path) {
    found = boxesIn(content).find((candidate) => candidate.type === type);
    if (found === undefined) {
      throw new KerkisError('internal', 'BOX_MISSING', `The encoder wrote no ${path.join('/')} box.`);
    }
    content = found.content;
  }
  return found as Box;
}
