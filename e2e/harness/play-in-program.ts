import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { toolPath } from '@kerkis/tools';

const execute = promisify(execFile);
const timeout = 60_000;

/** How far a program came, as it told now and then. */
export interface Played {
  /** The last position that it told, seconds. */
  readonly endSeconds: number;
  /** The first position that it told. */
  readonly startSeconds: number;
}

/** Has GStreamer decode from a place to the end, as fast as it can. Throws when it has anything to complain of. */
export async function playInGStreamer(url: string, fromSeconds: number): Promise<Played> {
  const sinks = ['--videosink=fakesink', '--audiosink=fakesink', '--no-interactive', '--use-playbin3'];
  const args = [...sinks, `--start-position=${fromSeconds}`, url];
  const { stdout, stderr } = await execute(toolPath('gst-play-1.0', process.env), args, { timeout });
  const told = `${stdout}${stderr}`.replaceAll('\r', '\n');
  // What it has no decoder for, such as AV1 or subtitles, it leaves out.
  const complaint = /^(?:ERROR|WARNING|Failed)(?! Your GStreamer installation is missing| debug).*/m.exec(
    told,
  )?.[0];
  if (complaint !== undefined || !told.includes('Reached end of play list')) {
    throw new Error(`GStreamer on ${url}: ${complaint ?? told}`);
  }
  const clocks = [...told.matchAll(/^(\d+):(\d\d):(\d\d\.\d) \/ /gm)];
  return playedOf(clocks.map(([, h, m, s]) => Number(h) * 3600 + Number(m) * 60 + Number(s)));
}

/** Has mpv decode from a place to the end, at four times the speed. Throws when it has anything to complain of. */
export async function playInMpv(url: string, fromSeconds: number): Promise<Played> {
  const fast = ['--vo=null', '--ao=null', '--speed=4', '--no-config'];
  const property = `\${=time-pos}`;
  const telling = [
    '--msg-level=all=error,cplayer=info,statusline=status',
    `--term-status-msg=at ${property}`,
  ];
  const args = [...fast, ...telling, `--start=${fromSeconds}`, url];
  const { stdout, stderr } = await execute(toolPath('mpv', process.env), args, { timeout });
  const told = `${stdout}${stderr}`.replaceAll('\r', '\n');
  const complaint = /^\[[\w/]+\] .*/m.exec(told)?.[0];
  if (complaint !== undefined || !told.includes('(End of file)')) {
    throw new Error(`mpv on ${url}: ${complaint ?? told}`);
  }
  return playedOf([...told.matchAll(/at (\d+\.\d+)/g)].map(([, position]) => Number(position)));
}

function playedOf(positions: readonly number[]): Played {
  return { startSeconds: positions[0] ?? Number.NaN, endSeconds: positions.at(-1) ?? Number.NaN };
}
