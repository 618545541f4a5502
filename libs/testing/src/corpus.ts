import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One real media file that nobody on this project made. */
export interface CorpusEntry {
  /** File name. */
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Absent where the container does not tell. */
  readonly durationMs: number | undefined;
  /** One description a stream, e.g. `v:h264 1280x720 yuv420p 24/1`. */
  readonly streams: readonly string[];
  /** Whether a hardened ffmpeg decodes it. */
  readonly decodes: boolean;
}

/**
 * The files of the corpus: the folder in the environment variable KERKIS_MEDIA_CORPUS, else `../shared/media` beside the
 * repository. Undefined where there is none: a test then skips with a message and relies on generated media.
 */
export function corpus(): readonly CorpusEntry[] | undefined {
  const beside = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'media');
  const folder = process.env.KERKIS_MEDIA_CORPUS || beside;
  const manifest = join(folder, 'MANIFEST.tsv');
  if (!existsSync(manifest)) return undefined;
  const [header = '', ...lines] = readFileSync(manifest, 'utf8').trimEnd().split('\n');
  const columns = header.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    const cell = (column: string) => cells[columns.indexOf(column)] ?? '';
    return entry(folder, cell);
  });
}

function entry(folder: string, cell: (column: string) => string): CorpusEntry {
  const seconds = Number.parseFloat(cell('duration_s'));
  return {
    name: cell('file'),
    path: join(folder, cell('file')),
    sizeBytes: Number(cell('bytes')),
    durationMs: Number.isNaN(seconds) ? undefined : Math.round(seconds * 1000),
    streams: cell('streams')
      .split('|')
      .map((stream) => stream.trim())
      .filter((stream) => stream !== ''),
    decodes: cell('decodes') === 'yes',
  };
}
