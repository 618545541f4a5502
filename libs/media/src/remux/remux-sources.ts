import { type FileHandle, open, stat } from 'node:fs/promises';
import { KerkisError } from '@kerkis/errors';
import { readMp4Index } from '../probe/mp4/mp4-index.ts';
import { readMp4Structure } from '../probe/mp4-structure.ts';
import { readAvcConfig } from './avc-config.ts';
import { readGops } from './gops.ts';
import { type AvcEntry, readAvcEntry } from './sample-entry.ts';

/** The samples of a track that is remuxed, in decode order. */
export interface RemuxSource {
  readonly entry: AvcEntry;
  /** Bytes of the length in front of each NAL unit. */
  readonly lengthBytes: number;
  /** Source time stamps in ticks. */
  readonly times: Float64Array;
  readonly sync: Uint8Array;
  /** Numbers of sync samples, in order. */
  readonly gops: Uint32Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** What of the tracks of sources is kept in memory. */
export interface RemuxSources {
  /**
   * Samples of a track of a file. Throws KerkisError `not_found` SOURCE_MISSING, or `invalid` UNIT_INVALID when the file is not what was
   * planned.
   */
  open(path: string, trackId: number): Promise<RemuxSource>;
}

/** Most tracks that are kept; one of two hours takes 5 MB. */
const defaultMaxSources = 8;

/** Keeps the tables of the sources that were used last, each as long as its file stays as it is. One for each worker. */
export function createRemuxSources(maxSources = defaultMaxSources): RemuxSources {
  const kept = new Map<string, Promise<RemuxSource>>();
  return {
    async open(path, trackId) {
      const { ino, size, mtimeMs } = await stat(path).catch(missing);
      const key = [trackId, ino, size, mtimeMs, path].join(' ');
      const found = kept.get(key) ?? readRemuxSource(path, trackId);
      // What was used last is last.
      kept.delete(key);
      kept.set(key, found);
      found.catch(() => kept.delete(key));
      for (const oldest of kept.keys()) {
        if (kept.size <= maxSources) break;
        kept.delete(oldest);
      }
      return found;
    },
  };
}

async function readRemuxSource(path: string, trackId: number): Promise<RemuxSource> {
  await using file: FileHandle = await open(path, 'r').catch(missing);
  const { size } = await file.stat();
  const { moov, fragments } = await readMp4Structure(file, size);
  const index = moov && fragments && readMp4Index({ moov, fragments, fileBytes: size });
  const indexed = index?.samplesOf(trackId);
  const gops = indexed && readGops(indexed);
  const sampleEntry = indexed?.track.sampleEntry;
  const entry = moov && sampleEntry && readAvcEntry(moov, sampleEntry);
  const config = entry && readAvcConfig(entry.config);
  if (!indexed || !gops || !entry || !config) {
    throw new KerkisError('invalid', 'UNIT_INVALID', 'The source is not the one that the plan was made for.');
  }
  const { sync, offsets, sizes } = indexed.table;
  const { times } = indexed.presented;
  return { entry, lengthBytes: config.lengthBytes, times, sync, gops: gops.first, offsets, sizes };
}

function missing(cause: unknown): never {
  throw new KerkisError('not_found', 'SOURCE_MISSING', 'The source file is not there.', { cause });
}
