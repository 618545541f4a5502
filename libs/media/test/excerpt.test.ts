import { open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { defaultSourceLimits, probeSource } from '../src/index.ts';
import { excerptOf } from '../src/probe/excerpted-source.ts';
import { lookAtMp4 } from '../src/probe/look-at-mp4.ts';
import { ffmpeg, pictures, temporaryFolder, tone, tools, x264 } from './samples.ts';

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

const chapters =
  ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=60\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1\nSTART=60\nEND=900\ntitle=Two\n';
const film = [...pictures('64x48', '30000/1001', 10), ...tone(10), ...tone(10, 44_100)];
const maps = ['-map', '0:v', '-map', '1:a', '-map', '2:a'];
const named = ['-metadata:s:a:0', 'language=ell', '-metadata:s:a:1', 'language=deu'];
const longSeconds = 1_200;

/** A long file made of copies of a short one. */
async function longFilm(name: string, output: readonly string[]): Promise<string> {
  const path = join(folder.path, name);
  const short = join(folder.path, `short-${name}`);
  const metadata = join(folder.path, 'chapters.txt');
  await writeFile(metadata, chapters);
  await ffmpeg(...film, ...maps, ...x264, '-bf', '2', '-c:a', 'aac', ...named, short);
  const copies = ['-stream_loop', '-1', '-i', short, '-f', 'ffmetadata', '-i', metadata];
  const copied = ['-map', '0', '-map_chapters', '1', '-c', 'copy', '-t', `${longSeconds}`];
  await ffmpeg(...copies, ...copied, ...output, path);
  return path;
}

test.for([
  ['plain.mp4', []],
  [
    'turned-and-late.mp4',
    ['-metadata:s:v:0', 'rotate=90', '-output_ts_offset', '2.5', '-movflags', '+faststart'],
  ],
  ['quicktime.mov', []],
] as const)('what is told of %s does not hang on whether all of it was read', async ([name, output]) => {
  const path = await longFilm(name, output);
  await using file = await open(path);
  const { size } = await file.stat();
  const scratch = await temporaryFolder();
  await using excerpt = await excerptOf(file, await lookAtMp4(file, size), scratch.path);
  expect((await stat(excerpt?.path ?? '')).size).toBeLessThan(size / 50);
  await excerpt?.[Symbol.asyncDispose]();
  const whole = await probeSource(path, defaultSourceLimits, { tools });
  const quick = await probeSource(path, defaultSourceLimits, { tools, scratchDirectory: scratch.path });
  expect(quick).toEqual(whole);
  expect(whole.video?.rotation).toBe(name.startsWith('turned') ? 270 : 0);
  expect(whole.durationSeconds).toBeGreaterThan(longSeconds - 10);
  expect(whole.chapters.map(({ title }) => title)).toEqual(['One', 'Two']);
  expect(await readdir(scratch.path)).toEqual([]);
  await scratch[Symbol.asyncDispose]();
});
