import { KerkisError } from '@kerkis/errors';

/** One box of ISO/IEC 14496-12, by its places in the bytes that it was read from. */
export interface Box {
  readonly type: string;
  /** Where its header begins. */
  readonly start: number;
  /** Where what follows its header begins. */
  readonly content: number;
  /** Where it ends. */
  readonly end: number;
}

/** A view of bytes that reads numbers. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The boxes that follow each other between two places. Throws `data_loss` MEDIA_MALFORMED when one does not fit. */
export function boxesIn(bytes: Buffer, from = 0, to = bytes.length): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at < to; ) {
    const [sizeBytes, header] = to - at < 8 ? [0, 8] : sizeOf(bytes, at, to);
    if (sizeBytes < header || at + sizeBytes > to)
      throw malformed('A box does not fit into what is around it.');
    const type = bytes.toString('latin1', at + 4, at + 8);
    boxes.push({ type, start: at, content: at + header, end: at + sizeBytes });
    at += sizeBytes;
  }
  return boxes;
}

function sizeOf(bytes: Buffer, at: number, to: number): [sizeBytes: number, header: number] {
  const said = bytes.readUInt32BE(at);
  if (said === 0) return [to - at, 8];
  if (said !== 1) return [said, 8];
  return to - at < 16 ? [0, 16] : [Number(bytes.readBigUInt64BE(at + 8)), 16];
}

/** The first box of a type between two places, or inside of a box. */
export function findBox(bytes: Buffer, type: string, inside?: Box): Box | undefined {
  return boxesIn(bytes, inside?.content, inside?.end).find((box) => box.type === type);
}

/** The box at the end of a path. Throws `data_loss` MEDIA_MALFORMED when there is none. */
export function boxAt(bytes: Buffer, path: readonly string[], inside?: Box): Box {
  let found = inside;
  for (const type of path) {
    found = findBox(bytes, type, found);
    if (!found) throw malformed(`There is no ${path.join('/')} box.`);
  }
  if (!found) throw malformed('There is no box.');
  return found;
}

/** A box around parts. */
export function box(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 8));
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, ...parts]);
}

/** A box with version and flags in front of its parts. */
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

/** `data_loss` MEDIA_MALFORMED. */
export function malformed(message: string, cause?: unknown): KerkisError {
  return new KerkisError('data_loss', 'MEDIA_MALFORMED', message, cause === undefined ? {} : { cause });
}

/** `unsupported` ENCRYPTION_NOT_SUPPORTED. */
export function notSupported(message: string): KerkisError {
  return new KerkisError('unsupported', 'ENCRYPTION_NOT_SUPPORTED', message);
}
