import type { FileHandle } from 'node:fs/promises';

/** The bytes of a source, as an open file gives them. */
export type SourceBytes = Pick<FileHandle, 'read'> & {
  /** A descriptor that may be read at once; absent where bytes may have to be fetched first. */
  readonly fd?: number;
};

/** Brings here what of a source is elsewhere. */
export interface SourceParts {
  /** Resolves when the bytes from `start` to before `end` are in the file. */
  fetch(start: number, end: number): Promise<void>;
  /** A few bytes that nothing else will need. */
  peek(start: number, end: number): Promise<Buffer>;
}

/** What is shorter is only looked at. */
const peekBytes = 512;

/** The bytes of a file of which only parts are here: each read waits for what it reads. */
export function fetchedBytes(file: FileHandle, parts: SourceParts): SourceBytes {
  const read = async (buffer: Buffer, offset: number, length: number, position: number) => {
    if (length <= peekBytes) {
      const bytes = await parts.peek(position, position + length);
      return { bytesRead: bytes.copy(buffer, offset), buffer };
    }
    await parts.fetch(position, position + length);
    return await file.read(buffer, offset, length, position);
  };
  return { read: read as FileHandle['read'] };
}
