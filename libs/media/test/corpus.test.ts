import { describe, expect, test } from 'vitest';
import { defaultProfile, defaultSourceLimits, planMedia, probeSource } from '../src/index.ts';
import { corpusFiles } from './corpus.ts';
import { tools } from './samples.ts';

const files = corpusFiles(import.meta.filename);

describe.skipIf(files.length === 0)('real media', () => {
  test.each(files)('$name', async ({ path, decodes }) => {
    const planned = await probeSource(path, defaultSourceLimits, { tools }).then(
      (source) => planMedia(source, defaultProfile),
      (error) => error,
    );
    if (planned instanceof Error) {
      expect(planned).toMatchObject({ name: 'KerkisError', reason: expect.stringMatching(/^SOURCE_/) });
      expect(decodes, `${planned.message}`).toBe(false);
    } else {
      expect(planned.grid.segmentCount).toBeGreaterThan(0);
      const { video, remux, audio } = planned.ladder;
      expect([...video, ...(remux ? [remux] : []), ...audio].length).toBeGreaterThan(0);
      // Nothing in the corpus is longer than seven minutes, whatever the headers say.
      expect(planned.source.durationMs).toBeLessThan(420_000);
    }
  });
});
