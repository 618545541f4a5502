import type { ByteRange } from '@kerkis/hls';

/** The largest index that is read: twenty days in segments of two seconds. */
export const maxIndexBytes = 16 * 1024 * 1024;

/** The byte ranges of an index that transcode stored: `{"ranges": [[offset, size], …]}`. Undefined for anything else. */
export function iframeRanges(bytes: Uint8Array): ByteRange[] | undefined {
  if (bytes.byteLength > maxIndexBytes) return undefined;
  try {
    const { ranges } = JSON.parse(Buffer.from(bytes).toString()) as { ranges: unknown };
    return Array.isArray(ranges) && ranges.every(isPair)
      ? ranges.map(([offset, sizeBytes]) => ({ offset, sizeBytes }))
      : undefined;
  } catch {
    return undefined;
  }
}

function isPair(value: unknown): value is [number, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((each) => Number.isSafeInteger(each) && each >= 0) &&
    value[1] > 0
  );
}
