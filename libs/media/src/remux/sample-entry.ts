import { visualFieldBytes } from '../cmaf/init-segment.ts';
import { type BoxRange, boxesBetween, Mp4Refusal, optionalBox } from '../probe/mp4/byte-reader.ts';

/** What a remuxed track needs of the sample entry of its source. */
export interface AvcEntry {
  /** Content of `avcC`. */
  readonly config: Buffer;
  /** `colr` of the kind that ISO files have, as it is. */
  readonly extras: readonly Buffer[];
}

/** More than this much is no configuration. */
const maxConfigBytes = 4096;

/** The parts of an `avc1` sample entry; undefined for any other or a broken one. */
export function readAvcEntry(moov: Buffer, entry: BoxRange): AvcEntry | undefined {
  const start = entry.start + visualFieldBytes;
  if (entry.type !== 'avc1' || start > entry.end) return undefined;
  try {
    const boxes = boxesBetween(moov, start, entry.end);
    const config = optionalBox(boxes, 'avcC');
    if (config === undefined || config.end - config.start > maxConfigBytes) return undefined;
    const colour = optionalBox(boxes, 'colr');
    const isIso = colour !== undefined && moov.toString('latin1', colour.start, colour.start + 4) === 'nclx';
    const copy = ({ headerAt, end }: BoxRange) => Buffer.from(moov.subarray(headerAt, end));
    return {
      config: Buffer.from(moov.subarray(config.start, config.end)),
      extras: isIso && colour.end - colour.headerAt === 19 ? [copy(colour)] : [],
    };
  } catch (error) {
    if (error instanceof Mp4Refusal) return undefined;
    throw error;
  }
}
