import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Piece, pieceName } from './piece.ts';

/**
 * A file of the disk cache: magic, length of the head and CRC-32 of all that follows (32 bits each, little-endian), a head in JSON, and the
 * bytes of the piece. The checksum finds what was torn by a power cut or went bad since; it is no proof against who may write the directory.
 */
const magic = 0x3143444b;
const preambleBytes = 12;
const maxHeadBytes = 4096;

/** What is known of a file from its name alone, so that an index needs no more than the directory. */
export interface DiskFileName {
  /** Hash of the piece's name, led by that of its asset: see `diskFileId`. */
  readonly id: string;
  readonly sizeBytes: number;
  /** When it was written, in milliseconds since 1970. */
  readonly writtenAtMs: number;
}

/** Encodes a piece, with the fewest copies: the parts are to be written one after the other. */
export function encodeDiskFile(piece: Piece): readonly Buffer[] {
  const { key, sizeBytes, etag, lastModified, block, bytes } = piece;
  const head = Buffer.from(JSON.stringify({ key, sizeBytes, etag, lastModified, block }));
  const preamble = Buffer.alloc(preambleBytes);
  preamble.writeUInt32LE(magic, 0);
  preamble.writeUInt32LE(head.byteLength, 4);
  preamble.writeUInt32LE(bytes ? crc32(bytes, crc32(head)) : crc32(head), 8);
  return bytes ? [preamble, head, bytes] : [preamble, head];
}

/** The piece in a file. Undefined when it is damaged, or not the piece of that name. */
export function decodeDiskFile(file: Buffer, name: string): Piece | undefined {
  if (file.byteLength < preambleBytes || file.readUInt32LE(0) !== magic) return undefined;
  const bodyStart = preambleBytes + file.readUInt32LE(4);
  if (bodyStart > preambleBytes + maxHeadBytes || bodyStart > file.byteLength) return undefined;
  if (crc32(file.subarray(preambleBytes)) !== file.readUInt32LE(8)) return undefined;
  const head = JSON.parse(file.toString('utf8', preambleBytes, bodyStart)) as Piece;
  if (pieceName(head) !== name) return undefined;
  const bytes = file.subarray(bodyStart);
  return bytes.byteLength > 0 || head.sizeBytes === 0 ? { ...head, bytes } : head;
}

const groupDigits = 16;
const pieceDigits = 32;
const namePattern = new RegExp(
  `^([0-9a-f]{${groupDigits + pieceDigits}})-([0-9a-z]{1,10})-([0-9a-z]{1,10})$`,
);

/** The id of a piece: a hash, so that nothing of its name reaches the file system. */
export function diskFileId(name: string): string {
  return diskGroup(name) + hash(name).slice(0, pieceDigits);
}

/** What the ids of all pieces of an asset begin with. */
export function diskGroup(name: string): string {
  return hash(name.split('/', 2).join('/')).slice(0, groupDigits);
}

/** The folder, of 256, in which a file lies. */
export function diskFolder(id: string): string {
  return id.slice(groupDigits, groupDigits + 2);
}

export function formatDiskFileName({ id, sizeBytes, writtenAtMs }: DiskFileName): string {
  return `${id}-${sizeBytes.toString(36)}-${writtenAtMs.toString(36)}`;
}

/** Undefined for what is none. */
export function parseDiskFileName(name: string): DiskFileName | undefined {
  const [, id, size, time] = namePattern.exec(name) ?? [];
  if (id === undefined || size === undefined || time === undefined) return undefined;
  return { id, sizeBytes: Number.parseInt(size, 36), writtenAtMs: Number.parseInt(time, 36) };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
