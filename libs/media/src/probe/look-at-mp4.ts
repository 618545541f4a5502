import { KerkisError } from '@kerkis/errors';
import type { SourceBytes } from '../source/source-bytes.ts';
import { type Mp4Index, readMp4Index } from './mp4/mp4-index.ts';
import { readMp4Structure } from './mp4-structure.ts';

/** What the boxes of an MP4 or QuickTime file tell. */
export interface Mp4Look {
  /** Absent when it cannot be relied on. */
  readonly index?: Mp4Index;
  /** The boxes that the index was read from. */
  readonly moov?: Buffer;
  readonly warnings: readonly string[];
}

/** Reads the boxes of an open file. Throws KerkisError SOURCE_ENCRYPTED or SOURCE_TRUNCATED. */
export async function lookAtMp4(file: SourceBytes, sizeBytes: number): Promise<Mp4Look> {
  const { isEncrypted, hasIndex, isCutOff, moov, fragments } = await readMp4Structure(file, sizeBytes);
  if (isEncrypted) {
    throw new KerkisError(
      'unsupported',
      'SOURCE_ENCRYPTED',
      'The file is encrypted. Upload it without protection.',
    );
  }
  if (!hasIndex) {
    throw new KerkisError(
      'invalid',
      'SOURCE_TRUNCATED',
      'The file is cut off: its index is missing. Upload it again.',
    );
  }
  if (isCutOff) return { warnings: ['The file is cut off; what is there is used.'] };
  const index = moov && fragments && readMp4Index({ moov, fragments, fileBytes: sizeBytes });
  return { warnings: [], ...(index && moov && { index, moov }) };
}
