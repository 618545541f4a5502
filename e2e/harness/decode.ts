import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { toolPath } from '@kerkis/tools';

const execute = promisify(execFile);

/** One stream as ffmpeg decodes it from beginning to end. */
export interface DecodedStream {
  readonly kind: 'video' | 'audio';
  /** `640x360`; empty for sound. */
  readonly size: string;
  /** Hz; 0 for pictures. */
  readonly sampleRate: number;
  readonly frameCount: number;
  /** Samples of one channel; 0 for pictures. */
  readonly sampleCount: number;
  /** Presentation time of the first frame, seconds. */
  readonly startSeconds: number;
  /** MD5 of each decoded frame with its time, one line each. */
  readonly frames: readonly string[];
}

/**
 * Has ffmpeg read a playlist, manifest or file to its end. Throws when it has anything to complain of. Each stream of a DASH
 * manifest is read by a run of its own: ffmpeg's demuxer ends with the first stream that ends, and drops what it has not read
 * of the others (`dash_read_packet` in libavformat/dashdec.c).
 */
export async function decode(url: string): Promise<DecodedStream[]> {
  if (!new URL(url, 'file:').pathname.endsWith('.mpd')) return run(url, ['0:v?', '0:a?']);
  const { stdout } = await execute(toolPath('ffprobe', process.env), [
    ...['-v', 'error', '-show_entries', 'stream=index,codec_type', '-of', 'csv=p=0', url],
  ]);
  const indexes = new Set([...stdout.matchAll(/^(\d+),(?:video|audio)/gm)].map(([, index]) => index));
  return (await Promise.all([...indexes].map((index) => run(url, [`0:${index}`])))).flat();
}

async function run(url: string, streams: readonly string[]): Promise<DecodedStream[]> {
  const maps = streams.flatMap((stream) => ['-map', stream]);
  const output = ['-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const args = ['-v', 'error', '-nostdin', '-copyts', '-i', url, ...maps, ...output];
  const { stdout, stderr } = await execute(toolPath('ffmpeg', process.env), args, { maxBuffer: 1 << 26 });
  if (stderr !== '') throw new Error(`ffmpeg on ${url}: ${stderr}`);
  return streamsOf(stdout);
}

/** The frame MD5s of each picture, by its size. */
export function pictures(streams: readonly DecodedStream[]): Record<string, readonly string[]> {
  return Object.fromEntries(
    streams.filter(({ kind }) => kind === 'video').map(({ size, frames }) => [size, frames]),
  );
}

/** Header lines `#name index: value`, then `stream, dts, pts, duration, size, md5`. */
function streamsOf(text: string): DecodedStream[] {
  const headers = new Map<string, string>();
  const frames = new Map<number, string[][]>();
  for (const line of text.split('\n')) {
    const [, name, index, value] = /^#(\w+) (\d+): (.*)$/.exec(line) ?? [];
    if (name) headers.set(`${name} ${index}`, value ?? '');
    if (line.startsWith('#')) continue;
    const cells = line.split(',').map((cell) => cell.trim());
    if (cells.length === 6) frames.set(Number(cells[0]), [...(frames.get(Number(cells[0])) ?? []), cells]);
  }
  return [...frames].map(([index, rows]) => {
    const [num = 0, den = 1] = (headers.get(`tb ${index}`) ?? '').split('/').map(Number);
    const isAudio = headers.get(`media_type ${index}`) === 'audio';
    return {
      kind: isAudio ? 'audio' : 'video',
      size: headers.get(`dimensions ${index}`) ?? '',
      sampleRate: Number(headers.get(`sample_rate ${index}`) ?? 0),
      frameCount: rows.length,
      sampleCount: isAudio ? rows.reduce((sum, row) => sum + Number(row[3]), 0) : 0,
      startSeconds: (Number(rows[0]?.[2]) * num) / den,
      frames: rows.map((row) => `${row[2]} ${row[5]}`),
    };
  });
}
