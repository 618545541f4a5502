import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { defaultSourceLimits } from '../src/index.ts';
import { startEarlyTrial } from '../src/probe/early-trial.ts';
import { describeStreams } from '../src/probe/ffprobe.ts';
import type { RawDescription } from '../src/probe/stream-description.ts';
import { ffmpeg, pictures, temporaryFolder, tone, tools, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

test('one run tries pictures and all sound', async () => {
  const path = join(folder.path, 'film.mp4');
  const maps = ['-map', '0:v', '-map', '1:a', '-map', '2:a'];
  await ffmpeg(...pictures('64x48', '25', 2), ...tone(2), ...tone(2), ...maps, ...x264, '-c:a', 'aac', path);
  const { size: sizeBytes } = await stat(path);
  const input = { tools, path, container: 'mov' as const, sizeBytes, limits: defaultSourceLimits };
  const trial = startEarlyTrial(input);
  const description = (await describeStreams(input)) as RawDescription;
  expect(await trial.decodes(description)).toEqual(new Set([0, 1, 2]));
});
