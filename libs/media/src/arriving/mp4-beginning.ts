import type { FileHandle } from 'node:fs/promises';
import { boxesBetween, Mp4Refusal } from '../probe/mp4/byte-reader.ts';

/** What the beginning of an MP4 says of the rest: nothing yet, nothing ever, all of it, or only of what is there. */
export type Mp4Beginning =
  | { readonly kind: 'later' }
  | { readonly kind: 'never' }
  | { readonly kind: 'open' }
  | { readonly kind: 'told'; readonly moov: Buffer };

/** Boxes before the index are few. */
const maxBoxes = 64;
/** Longer indexes are left to whoever has the whole file. */
const maxIndexBytes = 64 * 1024 ** 2;

/** Looks for the index of an MP4 in its first bytes. Never throws on what the file says. */
export async function readMp4Beginning(file: FileHandle, arrivedBytes: number): Promise<Mp4Beginning> {
  let at = 0;
  for (let boxes = 0; at + 16 <= arrivedBytes; boxes++) {
    const header = Buffer.alloc(16);
    await file.read(header, 0, 16, at);
    const type = header.toString('latin1', 4, 8);
    const size = header.readUInt32BE(0);
    const isLarge = size === 1;
    const length = isLarge ? Number(header.readBigUInt64BE(8)) : size;
    const headerBytes = isLarge ? 16 : 8;
    if (boxes > maxBoxes || length < headerBytes || length > Number.MAX_SAFE_INTEGER)
      return { kind: 'never' };
    const end = at + length;
    if (type === 'moov') {
      if (length > maxIndexBytes) return { kind: 'never' };
      if (end > arrivedBytes) return { kind: 'later' };
      const moov = Buffer.alloc(length - headerBytes);
      await file.read(moov, 0, moov.length, at + headerBytes);
      return kindOf(moov);
    }
    // What is described behind what it describes comes too late.
    if (type === 'moof' || (type === 'mdat' && end > arrivedBytes)) return { kind: 'never' };
    at = end;
  }
  return { kind: 'later' };
}

function kindOf(moov: Buffer): Mp4Beginning {
  try {
    const isFragmented = boxesBetween(moov, 0, moov.length).some(({ type }) => type === 'mvex');
    return isFragmented ? { kind: 'open' } : { kind: 'told', moov };
  } catch (error) {
    if (error instanceof Mp4Refusal) return { kind: 'never' };
    throw error;
  }
}
