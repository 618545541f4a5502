import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultProfile, type EncoderPreset, encodeUnit } from '../src/index.ts';
import { ffmpeg, pictures, plan, settings, temporaryFolder, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const source = join(folder.path, 'source.mp4');
beforeAll(() => ffmpeg(...pictures('1280x720', '25', 1), ...x264, source).then(() => {}));

const presets: EncoderPreset[] = ['ultrafast', 'superfast', 'veryfast', 'slow', 'slower'];

test.each(presets)('%s writes what its plan announced, in each profile of H.264', async (preset) => {
  const profile = { ...defaultProfile, preset, segmentSeconds: 1 };
  const media = await plan(source, profile);
  expect(new Set(media.ladder.video.map(({ codecs }) => codecs.slice(0, 'avc1.64'.length))).size).toBe(2);
  const rungs = media.ladder.video.map(({ name }) => name);
  const unit = { kind: 'video', rungs, firstSegment: 0, segmentCount: 1 } as const;
  const parts = await Array.fromAsync(encodeUnit(media, unit, { ...settings, sourcePath: source }));
  expect(parts.filter(({ kind }) => kind === 'init')).toHaveLength(rungs.length);
});

test('what is wrong with the output is told, not the pipe that broke for it', async () => {
  const media = await plan(source, { ...defaultProfile, segmentSeconds: 1 });
  const [rung] = media.ladder.video;
  if (!rung) throw new Error('the plan has a rung');
  const other = { ...media, ladder: { ...media.ladder, video: [{ ...rung, codecs: 'avc1.42c01e' }] } };
  const unit = { kind: 'video', rungs: [rung.name], firstSegment: 0, segmentCount: 1 } as const;
  const encoding = Array.fromAsync(encodeUnit(other, unit, { ...settings, sourcePath: source }));
  await expect(encoding).rejects.toMatchObject({
    reason: 'ENCODER_OUTPUT_UNEXPECTED',
    message: expect.stringContaining('avc1.42c01e'),
  });
});
