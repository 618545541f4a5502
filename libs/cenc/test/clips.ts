import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { boxesIn } from '../src/boxes.ts';

const run = promisify(execFile);
const pictures = 'testsrc2=size=320x180:rate=25:duration=2';
const sound = 'sine=frequency=440:duration=2';

/** What is encoded: pictures of many slices, weighted and reordered, as slice headers have most to tell then; and sound. */
export const clips = {
  avc: [
    '-i',
    pictures,
    '-c:v',
    'libx264',
    '-preset',
    'medium',
    '-x264-params',
    'slices=3:weightp=2:bframes=3:ref=4',
  ],
  'avc-interlaced': ['-i', pictures, '-c:v', 'libx264', '-x264-params', 'tff=1:slices=2:cabac=0:bframes=2'],
  'avc-420-baseline': ['-i', pictures, '-c:v', 'libx264', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p'],
  hevc: [
    ...['-i', pictures, '-c:v', 'libx265', '-tag:v', 'hvc1'],
    ...['-x265-params', 'log-level=none:wpp=1:slices=2:bframes=4:b-pyramid=1:weightb=1:ref=4'],
  ],
  'hevc-plain': [
    '-i',
    pictures,
    '-c:v',
    'libx265',
    '-tag:v',
    'hvc1',
    '-x265-params',
    'log-level=none:wpp=0:sao=0',
  ],
  aac: ['-i', sound, '-c:a', 'aac'],
  opus: ['-i', sound, '-c:a', 'libopus'],
  vp9: ['-i', pictures, '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
} as const satisfies Record<string, readonly string[]>;

/** An init segment and one media segment of a clip. */
export interface Clip {
  readonly file: string;
  readonly init: Buffer;
  readonly segment: Buffer;
}

/** Encodes a clip into the directory. */
export async function makeClip(directory: string, name: keyof typeof clips): Promise<Clip> {
  const file = join(directory, `${name}.mp4`);
  const muxer = ['-movflags', 'cmaf+empty_moov+default_base_moof', '-frag_duration', '10000000'];
  await run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', ...clips[name], '-g', '1000', ...muxer, file]);
  const bytes = await readFile(file);
  const boxes = boxesIn(bytes).filter(({ type }) => type !== 'mfra');
  const moovEnd = boxes.find(({ type }) => type === 'moov')?.end ?? 0;
  return { file, init: bytes.subarray(0, moovEnd), segment: bytes.subarray(moovEnd, boxes.at(-1)?.end) };
}

/** Checksums of what is decoded, or why it does not decode. */
export async function decoded(
  directory: string,
  { init, segment }: Pick<Clip, 'init' | 'segment'>,
  key?: Uint8Array,
): Promise<string> {
  const file = join(directory, 'played.mp4');
  await writeFile(file, Buffer.concat([init, segment]));
  const decrypt = key ? ['-decryption_key', Buffer.from(key).toString('hex')] : [];
  const args = ['-v', 'error', '-xerror', ...decrypt, '-i', file, '-f', 'framemd5', '-'];
  const { stdout } = await run('ffmpeg', args).catch((error: { stderr: string }) => ({
    stdout: error.stderr,
  }));
  return stdout;
}

/** How many bits the header of each slice has, with that of its NAL unit, as ffmpeg reads them. */
export async function sliceHeaderBits(file: string): Promise<number[]> {
  const { stderr } = await run(
    'ffmpeg',
    ['-v', 'trace', '-i', file, '-c', 'copy', '-bsf:v', 'trace_headers', '-f', 'null', '-'],
    { maxBuffer: 256 * 1024 * 1024 },
  );
  const bits: number[] = [];
  let isSlice = false;
  for (const line of stderr.split('\n')) {
    const said = /^\[trace_headers @ \w+\] (.*)$/.exec(line)?.[1];
    if (said === undefined) continue;
    const element = /^(\d+) +\S+ +([01]+) = /.exec(said);
    if (!element) {
      isSlice = /^Slice (?:Segment )?Header$/.test(said);
      if (isSlice) bits.push(0);
    } else if (isSlice && Number(element[1]) >= (bits.at(-1) ?? 0)) {
      bits[bits.length - 1] = Number(element[1]) + (element[2]?.length ?? 0);
    } else isSlice = false;
  }
  return bits;
}
