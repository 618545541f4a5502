import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tempDir } from '@kerkis/testing';
import { toolPath } from '@kerkis/tools';
import { audioBitrateBps, preset, type Rung, segmentSeconds } from './ladder.ts';
import { endedChildrenCpuSeconds } from './process-tree.ts';

/** What a bare run took. */
export interface BareRun {
  readonly seconds: number;
  /** Of all its threads. */
  readonly cpuSeconds: number;
  /** The command without the folders of files. */
  readonly command: string;
}

const usualTimeoutMs = 3_600_000;

/** Runs ffmpeg to its end, outside of any mesh. Throws with its last words. Nothing else may be waited for meanwhile. */
export async function runFfmpeg(args: readonly string[], timeoutMs = usualTimeoutMs): Promise<BareRun> {
  const child = start(args);
  const startedAt = performance.now();
  const cpuBefore = endedChildrenCpuSeconds();
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  if (code !== 0) throw new Error(`ffmpeg ${args.join(' ')}: ${errors}`);
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, cpuSeconds: endedChildrenCpuSeconds() - cpuBefore, command: shown(args) };
}

/** How long `-c copy` takes until its first CMAF segment is there to be served. */
export async function firstCopiedSegment(source: string, seekSeconds = 0): Promise<BareRun> {
  await using directory = await tempDir('bench-copy');
  const playlist = join(directory.path, 'out.m3u8');
  const seek = seekSeconds > 0 ? ['-ss', seekSeconds.toFixed(3)] : [];
  const args = [...seek, '-i', source, '-map', '0:v:0', '-c', 'copy', ...hlsOutput(playlist)];
  const startedAt = performance.now();
  const child = start(args);
  child.stderr.resume();
  const ended = once(child, 'close');
  // The playlist is written when its first segment is whole.
  while (!existsSync(playlist) && child.exitCode === null && performance.now() - startedAt < 60_000)
    await sleep(1);
  const seconds = (performance.now() - startedAt) / 1000;
  child.kill('SIGKILL');
  await ended;
  if (!existsSync(playlist)) throw new Error(`ffmpeg made no segment of ${source}.`);
  return { seconds, cpuSeconds: Number.NaN, command: shown(args) };
}

/** Options of one rung: what the mesh gives x264, but for its threads. */
function rungArgs({ crf, maxBitrateBps }: Rung, framesPerSecond: number): string[] {
  const gop = `${Math.round(segmentSeconds * framesPerSecond)}`;
  return [
    ...['-c:v', 'libx264', '-preset', preset, '-profile:v', 'high', '-pix_fmt', 'yuv420p'],
    ...['-crf', `${crf}`, '-maxrate', `${maxBitrateBps}`, '-bufsize', `${maxBitrateBps}`],
    ...['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-bf', '3', '-b_strategy', '1'],
    ...['-x264-params', 'b-pyramid=normal:ref=1:open-gop=0', '-flags', '+cgop'],
  ];
}

/** Scales to a rung, whatever the shape of the picture. */
const scaleTo = ({ shortSide }: Rung) => `scale=-2:${shortSide}:flags=bicubic`;

/** One segment of one rung, from any place of the source. */
export function segmentArgs(
  source: string,
  rung: Rung,
  fps: number,
  place: { from: number; seconds: number },
  playlist: string,
): string[] {
  const seek = place.from > 0 ? ['-ss', place.from.toFixed(3)] : [];
  return [
    ...[...seek, '-t', place.seconds.toFixed(3), '-i', source, '-map', '0:v:0', '-vf', scaleTo(rung)],
    ...[...rungArgs(rung, fps), ...hlsOutput(playlist)],
  ];
}

/** All rungs and the sound from one decode, each as HLS with CMAF segments in a folder of its own. */
export function ladderArgs(
  source: string,
  wanted: readonly Rung[],
  fps: number,
  folder: string,
  hasSound = true,
): string[] {
  const labels = wanted.map((_, index) => `[s${index}]`).join('');
  const chains = wanted.map((rung, index) => `[s${index}]${scaleTo(rung)}[v${index}]`);
  const audio = [
    '-map',
    '0:a:0',
    '-c:a',
    'aac',
    '-b:a',
    `${audioBitrateBps}`,
    '-ac',
    '2',
    ...hlsOutput(join(folder, 'audio', 'out.m3u8')),
  ];
  return [
    ...['-i', source, '-filter_complex', `[0:v:0]split=${wanted.length}${labels};${chains.join(';')}`],
    ...wanted.flatMap((rung, index) => [
      ...['-map', `[v${index}]`, ...rungArgs(rung, fps)],
      ...hlsOutput(join(folder, `${rung.shortSide}`, 'out.m3u8')),
    ]),
    ...(hasSound ? audio : []),
  ];
}

function hlsOutput(playlist: string): string[] {
  const names = [
    '-hls_fmp4_init_filename',
    'init.mp4',
    '-hls_segment_filename',
    playlist.replace('out.m3u8', '%d.m4s'),
  ];
  return [
    '-f',
    'hls',
    '-hls_segment_type',
    'fmp4',
    '-hls_time',
    `${segmentSeconds}`,
    '-hls_list_size',
    '0',
    ...names,
    playlist,
  ];
}

function start(args: readonly string[]) {
  const command = [toolPath('ffmpeg', process.env), '-v', 'error', '-nostdin', '-y', ...args];
  return spawn(toolPath('setpriv', process.env), ['--pdeathsig', 'KILL', '--', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

const shown = (args: readonly string[]) =>
  ['ffmpeg', ...args.map((arg) => arg.replaceAll(/(?:\/[^/\s;]+)+\//g, ''))].join(' ');
