import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultProfile, defaultSourceLimits, planMedia, probeSource } from '../src/index.ts';
import { tools } from './samples.ts';

const corpus = process.env.KERKIS_MEDIA_CORPUS ?? join(import.meta.dirname, '../../../../shared/media');
const manifest = join(corpus, 'MANIFEST.tsv');
if (!existsSync(manifest)) {
  console.warn(
    `Media corpus not found: tests of ${import.meta.filename} are SKIPPED. Set KERKIS_MEDIA_CORPUS.`,
  );
}

const files = existsSync(manifest)
  ? readFileSync(manifest, 'utf8')
      .split('\n')
      .slice(1)
      .filter(Boolean)
      .map((line) => line.split('\t'))
      .map(([name = '', , , , decodes]) => ({ name, decodes: decodes === 'yes' }))
  : [];

describe.skipIf(files.length === 0)('real media', () => {
  test.each(files)('$name', async ({ name, decodes }) => {
    const planned = await probeSource(join(corpus, name), defaultSourceLimits, { tools }).then(
      (source) => planMedia(source, defaultProfile),
      (error) => error,
    );
    if (planned instanceof Error) {
      expect(planned).toMatchObject({ name: 'KerkisError', reason: expect.stringMatching(/^SOURCE_/) });
      expect(decodes, `${planned.message}`).toBe(false);
    } else {
      expect(planned.grid.segmentCount).toBeGreaterThan(0);
      expect(planned.ladder.video.length + planned.ladder.audio.length).toBeGreaterThan(0);
      // Nothing in the corpus is longer than seven minutes, whatever the headers say.
      expect(planned.source.durationMs).toBeLessThan(420_000);
    }
  });
});
