import { readFileSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { KerkisError } from '@kerkis/errors';

/** A file that is open for its upload. */
export interface SourceFile extends AsyncDisposable {
  /** Its name without folders, for people: no control characters and no backslashes, which servers refuse. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly these bytes. Throws FILE_CHANGED when they are not there any more. */
  read(start: number, end: number): Promise<Buffer>;
}

/** Opens what the user named. Throws `invalid` FILE_… with what is wrong with it. */
export async function openSourceFile(argument: string): Promise<SourceFile> {
  const path = rawArgument(argument);
  const shown = JSON.stringify(argument);
  const refuse = (reason: string, message: string, cause?: unknown) =>
    new KerkisError('invalid', reason, `${shown} ${message}`, { cause });
  let file: FileHandle;
  try {
    // Opening a FIFO would wait for a writer, so it is looked at first.
    const info = await stat(path);
    if (info.isDirectory()) throw refuse('FILE_IS_DIRECTORY', 'is a directory. Name a single file.');
    if (!info.isFile()) throw refuse('FILE_NOT_REGULAR', 'is not a regular file (a pipe, socket or device).');
    file = await open(path, 'r');
  } catch (error) {
    if (error instanceof KerkisError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') throw refuse('FILE_NOT_FOUND', 'does not exist.', error);
    throw refuse('FILE_UNREADABLE', `cannot be read (${code ?? error}).`, error);
  }
  const { size } = await file.stat();
  if (size === 0) {
    await file.close();
    throw refuse('FILE_EMPTY', 'is empty.');
  }
  return {
    name: basename(argument).replace(/[\p{Cc}\\]/gu, '_'),
    sizeBytes: size,
    async read(start, end) {
      const bytes = Buffer.allocUnsafe(end - start);
      for (let length = 0; length < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, start + length);
        if (bytesRead === 0) throw refuse('FILE_CHANGED', 'became shorter while it was uploaded.');
        length += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Node decodes arguments as UTF-8; a path that is none is taken from the kernel, byte for byte. */
function rawArgument(argument: string): string | Buffer {
  if (!argument.includes('\uFFFD')) return argument;
  const line = readFileSync('/proc/self/cmdline');
  for (let start = 0; start < line.length; ) {
    const end = line.indexOf(0, start);
    const bytes = line.subarray(start, end === -1 ? line.length : end);
    if (bytes.toString() === argument) return bytes;
    start += bytes.length + 1;
  }
  return argument;
}
