import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tools } from './samples.ts';

/** Input options of plain pictures, each a little brighter than the one before: frame `n` decodes to the grey 20 + 4 n of 255. */
export function risingGrey(size: string, rate: number, seconds: number): string[] {
  const picture = `nullsrc=s=${size}:r=${rate}:d=${seconds},geq=lum='16+(4*N+20)*0.859':cb=128:cr=128`;
  return ['-f', 'lavfi', '-i', picture];
}

/** Mean grey, 0 to 255, of each of `columns` equal columns and `rows` rows of a picture, from left to right and top to bottom. */
export async function greyLevels(path: string, columns: number, rows = 1): Promise<number[]> {
  const args = ['-v', 'error', '-i', path, '-frames:v', '1', '-vf'];
  const filter = `scale=${columns}:${rows}:flags=area,format=gray`;
  const { stdout } = await promisify(execFile)(tools.ffmpeg, [...args, filter, '-f', 'rawvideo', '-'], {
    encoding: 'buffer',
  });
  return [...stdout];
}
