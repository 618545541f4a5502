import type { FileHandle } from 'node:fs/promises';

/** What the boxes of an MP4 or QuickTime file say before any decoder sees it. */
export interface Mp4Structure {
  /** Whether the index (`moov`) is there: without it nothing can be played. */
  readonly hasIndex: boolean;
  /** Whether a sample description is encrypted (`encv`, `enca`). */
  readonly isEncrypted: boolean;
  /** Whether a box says that it is longer than the file. */
  readonly isCutOff: boolean;
}

/** Boxes that hold the sample descriptions, and how many bytes of each come before its children. */
const parents: Readonly<Record<string, number>> = { moov: 0, trak: 0, mdia: 0, minf: 0, stbl: 0, stsd: 8 };
/** A file with more boxes than this on the way is not looked at any further. */
const maxBoxes = 100_000;

/** Walks the boxes of an open file; reads headers only, a few bytes each. Never throws on what the file says. */
export async function readMp4Structure(file: FileHandle, sizeBytes: number): Promise<Mp4Structure> {
  const result = { hasIndex: false, isEncrypted: false, isCutOff: false };
  const header = new Uint8Array(16);
  const pending: { at: number; end: number }[] = [{ at: 0, end: sizeBytes }];
  let boxes = 0;
  for (let range = pending.pop(); range !== undefined; range = pending.pop()) {
    let { at } = range;
    while (at + 8 <= range.end && boxes++ < maxBoxes) {
      const { bytesRead } = await file.read(header, 0, 16, at);
      const box = boxAt(header, bytesRead, at, range.end);
      if (box === undefined) break;
      if (box.end > sizeBytes) result.isCutOff = true;
      if (box.type === 'moov') result.hasIndex = true;
      if (box.type === 'encv' || box.type === 'enca') result.isEncrypted = true;
      const skipped = parents[box.type];
      const end = Math.min(box.end, range.end);
      if (skipped !== undefined && box.start + skipped < end) pending.push({ at: box.start + skipped, end });
      at = box.end;
    }
  }
  return result;
}

function boxAt(header: Uint8Array, length: number, at: number, parentEnd: number) {
  if (length < 8) return undefined;
  const view = new DataView(header.buffer);
  const type = String.fromCharCode(...header.subarray(4, 8));
  const size = view.getUint32(0);
  if (size === 0) return { type, start: at + 8, end: parentEnd };
  if (size !== 1) return size < 8 ? undefined : { type, start: at + 8, end: at + size };
  const large = length < 16 ? 0 : Number(view.getBigUint64(8));
  return large < 16 ? undefined : { type, start: at + 16, end: at + large };
}
