import { KerkisError } from '@kerkis/errors';
import type { SourceBytes } from '../source/source-bytes.ts';
import type { RemuxSource } from './remux-sources.ts';

/** Bytes between two samples that are rather read than left out: sound lies there. */
const maxSkippedBytes = 128 * 1024;
/** More than this in one segment is refused; at 3 × the rate of any rung it is far less. */
const maxSegmentBytes = 256 * 1024 ** 2;

/** The bytes of the samples from `first` to before `end`, in decode order. Throws KerkisError `invalid` UNIT_INVALID. */
export async function readSamples(
  file: SourceBytes,
  { offsets, sizes }: Pick<RemuxSource, 'offsets' | 'sizes'>,
  first: number,
  end: number,
): Promise<Buffer> {
  const total = sizes.subarray(first, end).reduce((sum, size) => sum + size, 0);
  if (total > maxSegmentBytes) throw unreadable('A segment of the source is out of proportion.');
  const data = Buffer.allocUnsafe(total);
  let filled = 0;
  for (let start = first; start < end; ) {
    const from = offsets[start] as number;
    let next = start;
    let to = from;
    while (next < end) {
      const skipped = (offsets[next] as number) - to;
      if (skipped < 0 || skipped > maxSkippedBytes) break;
      to = (offsets[next] as number) + (sizes[next] as number);
      next++;
    }
    const bytes = Buffer.allocUnsafe(to - from);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    if (bytesRead < bytes.length) throw unreadable('The source is shorter than its index says.');
    for (; start < next; start++) {
      const at = (offsets[start] as number) - from;
      filled += bytes.copy(data, filled, at, at + (sizes[start] as number));
    }
  }
  return data;
}

function unreadable(what: string): KerkisError {
  return new KerkisError('invalid', 'UNIT_INVALID', what);
}
