import type { SourceBytes } from '../source/source-bytes.ts';
import type { MovieFragment } from './mp4/fragments.ts';

/** What the boxes of an MP4 or QuickTime file say before any decoder sees it. */
export interface Mp4Structure {
  /** Whether the index (`moov`) is there: without it nothing can be played. */
  readonly hasIndex: boolean;
  /** Whether a sample description is encrypted (`encv`, `enca`). */
  readonly isEncrypted: boolean;
  /** Whether a box says that it is longer than the file. */
  readonly isCutOff: boolean;
  /** Content of the only `moov`; absent when there are several, or it is out of proportion. */
  readonly moov?: Buffer;
  /** Every `moof` in order; absent when there are too many. */
  readonly fragments?: readonly MovieFragment[];
}

/** Boxes that hold the sample descriptions, and how many bytes of each come before its children. */
const parents: Readonly<Record<string, number>> = { trak: 0, mdia: 0, minf: 0, stbl: 0, stsd: 8 };
/** A file with more boxes than this on the way is not looked at any further. */
const maxBoxes = 100_000;
/** Longer indexes are not read. Twelve hours of picture and sound have 60 MB. */
const maxIndexBytes = 256 * 1024 ** 2;
/** A `moof` of two seconds and the header of its `mdat` take less. */
const windowBytes = 8 * 1024;

/**
 * Walks the boxes of an open file; reads headers and the index only, each fragment with one read. Never throws on what the file
 * says.
 */
export async function readMp4Structure(file: SourceBytes, sizeBytes: number): Promise<Mp4Structure> {
  const reader = new WindowReader(file);
  const result = { hasIndex: false, isEncrypted: false, isCutOff: false };
  const moovs: Buffer[] = [];
  const fragments: MovieFragment[] = [];
  let isWhole = true;
  let budget = maxIndexBytes;
  let boxes = 0;
  for (let at = 0; at + 8 <= sizeBytes; ) {
    const found = boxAt(await reader.read(at, 16), at, sizeBytes);
    if (found === undefined) break;
    if (++boxes > maxBoxes) isWhole = false;
    if (!isWhole) break;
    if (found.end > sizeBytes) result.isCutOff = true;
    const end = Math.min(found.end, sizeBytes);
    const isMoov = found.type === 'moov';
    if (isMoov) result.hasIndex = true;
    if (isMoov || found.type === 'moof') {
      budget -= end - at;
      if (budget < 0) isWhole = false;
      else if (isMoov) moovs.push(await reader.read(found.start, end - found.start));
      else fragments.push({ at, bytes: Buffer.from(await reader.read(at, end - at)) });
    }
    at = found.end;
  }
  result.isEncrypted = moovs.some(hasEncryptedEntry);
  const [moov] = moovs;
  return {
    ...result,
    ...(moovs.length === 1 && moov !== undefined && isWhole && { moov, fragments }),
  };
}

/** Looks for encrypted sample entries in what can be understood of a `moov`. */
function hasEncryptedEntry(moov: Buffer): boolean {
  const pending = [{ at: 0, end: moov.length }];
  let boxes = 0;
  for (let range = pending.pop(); range !== undefined; range = pending.pop()) {
    let { at } = range;
    while (at + 8 <= range.end && boxes++ < maxBoxes) {
      const found = boxAt(moov.subarray(at, at + 16), at, range.end);
      if (found === undefined) break;
      if (found.type === 'encv' || found.type === 'enca') return true;
      const skipped = parents[found.type];
      const end = Math.min(found.end, range.end);
      if (skipped !== undefined && found.start + skipped < end)
        pending.push({ at: found.start + skipped, end });
      at = found.end;
    }
  }
  return false;
}

function boxAt(header: Buffer, at: number, parentEnd: number) {
  if (header.length < 8) return undefined;
  const type = header.toString('latin1', 4, 8);
  const size = header.readUInt32BE(0);
  if (size === 0) return { type, start: at + 8, end: parentEnd };
  if (size !== 1) return size < 8 ? undefined : { type, start: at + 8, end: at + size };
  const large = header.length < 16 ? 0 : Number(header.readBigUInt64BE(8));
  return large < 16 ? undefined : { type, start: at + 16, end: at + large };
}

/** Reads of a file that mostly follow each other closely. */
class WindowReader {
  readonly #file: SourceBytes;
  #window = Buffer.alloc(0);
  #at = 0;

  constructor(file: SourceBytes) {
    this.#file = file;
  }

  /** Bytes from `at` on; fewer at the end of the file. May be a view of a window. */
  async read(at: number, length: number): Promise<Buffer> {
    const from = at - this.#at;
    if (from >= 0 && from + length <= this.#window.length) return this.#window.subarray(from, from + length);
    const bytes = Buffer.allocUnsafe(Math.max(length, windowBytes));
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, at);
    this.#window = bytes.subarray(0, bytesRead);
    this.#at = at;
    return this.#window.subarray(0, length);
  }
}
