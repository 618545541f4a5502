import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of the corpus of real media. */
export interface CorpusFile {
  readonly name: string;
  readonly path: string;
  /** Whether a decoder makes something of it. */
  readonly decodes: boolean;
}

/** The real media beside the repository; warns and is empty where there is none. */
export function corpusFiles(testFile: string): CorpusFile[] {
  const corpus = process.env.KERKIS_MEDIA_CORPUS ?? join(import.meta.dirname, '../../../../shared/media');
  const manifest = join(corpus, 'MANIFEST.tsv');
  if (!existsSync(manifest)) {
    console.warn(`Media corpus not found: tests of ${testFile} are SKIPPED. Set KERKIS_MEDIA_CORPUS.`);
    return [];
  }
  return readFileSync(manifest, 'utf8')
    .split('\n')
    .slice(1)
    .filter(Boolean)
    .map((line) => line.split('\t'))
    .map(([name = '', , , , decodes]) => ({ name, path: join(corpus, name), decodes: decodes === 'yes' }));
}
