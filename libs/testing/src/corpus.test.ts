import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { corpus, tempDir } from './index.ts';

test('a manifest becomes entries', async () => {
  await using directory = await tempDir('corpus');
  const lines = [
    'file\tbytes\tduration_s\tstreams\tdecodes\tsource_repository\tlicence',
    'a b.mp4\t12\t10.010000\tv:h264 4x4 yuv420p 24/1   | a:aac 48000/2ch\tyes\tx\ty',
    'broken.adts\t3\tN/A\t\tno\tx\ty',
  ];
  await writeFile(join(directory.path, 'MANIFEST.tsv'), `${lines.join('\n')}\n`);
  vi.stubEnv('KERKIS_MEDIA_CORPUS', directory.path);
  expect(corpus()).toEqual([
    {
      name: 'a b.mp4',
      path: join(directory.path, 'a b.mp4'),
      sizeBytes: 12,
      durationMs: 10_010,
      streams: ['v:h264 4x4 yuv420p 24/1', 'a:aac 48000/2ch'],
      decodes: true,
    },
    expect.objectContaining({ name: 'broken.adts', durationMs: undefined, streams: [], decodes: false }),
  ]);
  vi.stubEnv('KERKIS_MEDIA_CORPUS', join(directory.path, 'absent'));
  expect(corpus()).toBeUndefined();
  vi.unstubAllEnvs();
});

test('the real corpus is complete', async (context) => {
  const entries = corpus();
  if (!entries) return context.skip('There is no media corpus: set KERKIS_MEDIA_CORPUS to its folder.');
  expect(entries.length).toBeGreaterThan(0);
  for (const { path, sizeBytes } of entries) expect((await stat(path)).size).toBe(sizeBytes);
});
