import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tools } from './samples.ts';

/** The first sound of a file as mono samples from time 0 on. */
export async function audioSamples(path: string, rate: number): Promise<Float32Array> {
  const args = [
    '-v',
    'error',
    '-i',
    path,
    '-map',
    '0:a:0',
    '-ac',
    '1',
    '-af',
    `aresample=${rate}:first_pts=0`,
  ];
  const { stdout } = await promisify(execFile)(tools.ffmpeg, [...args, '-f', 'f32le', '-'], {
    encoding: 'buffer',
    maxBuffer: 2 ** 28,
  });
  return new Float32Array(stdout.buffer, stdout.byteOffset, stdout.length / 4);
}

/** Signal to noise in decibels of `other` against `source`, between two samples. */
export function noiseRatio(
  source: Float32Array,
  other: Float32Array,
  from: number,
  to: number,
  shift = 0,
): number {
  let signal = 0;
  let noise = 0;
  for (let at = from; at < to; at++) {
    const expected = source[at] ?? 0;
    signal += expected ** 2;
    noise += (expected - (other[at + shift] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
