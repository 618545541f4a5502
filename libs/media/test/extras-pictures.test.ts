import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeThumbnail } from '../src/index.ts';
import { ffmpeg, ffprobe, pictures, plan, settings, temporaryFolder, tone, x264 } from './samples.ts';
import { greyLevels, risingGrey } from './shades.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);

/** Frame `n` of `risingGrey` that a JPEG shows. */
async function frameOf(jpeg: Buffer): Promise<number> {
  await writeFile(at('one.jpg'), jpeg);
  const [level = 0] = await greyLevels(at('one.jpg'), 1);
  return Math.round((level - 20) / 4);
}

async function sizeOf(jpeg: Buffer): Promise<string> {
  await writeFile(at('one.jpg'), jpeg);
  const { streams } = await ffprobe('-show_streams', at('one.jpg'));
  expect(streams).toMatchObject([{ codec_name: 'mjpeg' }]);
  return `${streams[0]?.width}x${streams[0]?.height}`;
}

test.each([
  ['an MP4', 'grey.mp4', ['-g', '20']],
  ['a transport stream that starts late', 'grey.ts', ['-g', '20', '-output_ts_offset', '70']],
  ['a Matroska with one keyframe', 'grey.mkv', ['-g', '99']],
])('a thumbnail is the frame that is shown at its time, from %s', async (_, name, options) => {
  await ffmpeg(...risingGrey('64x48', 10, 5), ...x264, '-bf', '2', ...options, at(name));
  const media = await plan(at(name));
  const run = { ...settings, sourcePath: at(name) };
  for (const [timeSeconds, frame] of [
    [0, 0],
    [0.05, 0],
    [1.2, 12],
    [3.79, 37],
    [4.9, 49],
    [1000, 49],
    [Number.NaN, 0],
  ] as const) {
    expect(await frameOf(await makeThumbnail(media, { timeSeconds }, run)), `${timeSeconds} s`).toBe(frame);
  }
});

test('a thumbnail is upright, in square pixels, and never larger than the source', async () => {
  const path = at('anamorphic.mp4');
  await ffmpeg(...pictures('90x120', '5', 1), '-vf', 'setsar=16/9', ...x264, path);
  const turned = at('turned.mp4');
  await ffmpeg('-i', path, '-c', 'copy', '-metadata:s:v', 'rotate=90', turned);
  const sizes = async (file: string, width?: number) =>
    sizeOf(
      await makeThumbnail(
        await plan(file),
        { timeSeconds: 0, ...(width && { width }) },
        { ...settings, sourcePath: file },
      ),
    );
  expect(await sizes(path)).toBe('160x120');
  expect(await sizes(path, 80)).toBe('80x60');
  expect(await sizes(path, 5000)).toBe('160x120');
  expect(await sizes(turned, 60)).toBe('60x80');
});

test('without video the cover is shown, or it says that there is none', async () => {
  await ffmpeg(...pictures('160x120', '5', 1), '-frames:v', '1', at('cover.png'));
  await ffmpeg(
    ...[...tone(1), '-i', at('cover.png'), '-map', '0', '-map', '1'],
    ...['-c:v', 'copy', '-disposition:v', 'attached_pic', at('cover.flac')],
  );
  const cover = await makeThumbnail(
    await plan(at('cover.flac')),
    { timeSeconds: 9, width: 40 },
    { ...settings, sourcePath: at('cover.flac') },
  );
  expect(await sizeOf(cover)).toBe('40x30');
  await ffmpeg(...tone(1), at('sound.wav'));
  const none = makeThumbnail(
    await plan(at('sound.wav')),
    { timeSeconds: 0 },
    { ...settings, sourcePath: at('sound.wav') },
  );
  await expect(none).rejects.toMatchObject({ kind: 'unsupported', reason: 'SOURCE_HAS_NO_PICTURE' });
});
