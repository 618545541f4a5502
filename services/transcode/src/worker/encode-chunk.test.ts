import { expect, test } from 'vitest';
import { exampleChunk, runningJob } from '../../test/example-plan.ts';
import { noSource } from '../../test/no-source.ts';
import { encodeChunk } from './encode-chunk.ts';

test('the speed of a chunk is known also when ffmpeg was done before it told any', async () => {
  const { job, chunks } = runningJob({ seconds: 4, hasVideo: true, hasAudio: false, segmentMs: 1000 });
  const encoding = encodeChunk(
    {
      objects: {
        put: async () => ({ etag: '"x"', sizeBytes: 1 }),
        getBytes: async () => Buffer.alloc(0),
        head: async () => undefined,
      },
      onStored: () => {},
      early: { pathOf: async () => '', take: async () => undefined },
      sources: noSource,
      encoder: {
        async *encode(plan) {
          const rung = plan.ladder.video[0]?.name ?? '';
          const bytes = Buffer.alloc(1);
          yield { rung, kind: 'media', index: 0, durationTicks: 25, bytes } as never;
        },
      },
    },
    job,
    chunks[0] ?? exampleChunk(),
    { priority: 'later', signal: new AbortController().signal, assertHeld: () => {} },
  );
  expect(encoding.progress().speed).toBe(0);
  await encoding.done;
  expect(encoding.progress().speed).toBeGreaterThan(0);
});
