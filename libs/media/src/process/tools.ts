import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { KerkisError } from '@kerkis/errors';
import { execa } from 'execa';
import { bubblewrapArgs } from './confine.ts';

/** Absolute paths of the programs that media work runs on. What is undefined is done without. */
export interface MediaTools {
  readonly ffmpeg: string;
  readonly ffprobe: string;
  /** util-linux: lets the child die with its parent. */
  readonly setpriv?: string;
  /** util-linux: CPU, memory and file size limits. */
  readonly prlimit?: string;
  readonly nice?: string;
  /** bubblewrap: no network and only the source to see. Given only if it works here. */
  readonly bubblewrap?: string;
}

/** Where to look, and whether to go without a sandbox. */
export interface LocateOptions {
  /** Path of ffmpeg, when it is not in the usual folders. */
  readonly ffmpeg?: string;
  readonly ffprobe?: string;
  /** `auto` (default): bubblewrap where it works. `off`: never. `required`: fail when it does not work. */
  readonly sandbox?: 'auto' | 'off' | 'required';
}

const folders = ['/usr/local/bin', '/usr/bin', '/bin', '/opt/homebrew/bin', '/usr/sbin'];

/**
 * Finds the tools and tries bubblewrap once. Call it at start and pass the result on.
 *
 * Throws KerkisError `unavailable` FFMPEG_MISSING or SANDBOX_UNAVAILABLE.
 */
export async function locateMediaTools(options: LocateOptions = {}): Promise<MediaTools> {
  const [ffmpeg, ffprobe, setpriv, prlimit, nice, bwrap] = await Promise.all([
    options.ffmpeg ?? find('ffmpeg'),
    options.ffprobe ?? find('ffprobe'),
    find('setpriv'),
    find('prlimit'),
    find('nice'),
    options.sandbox === 'off' ? undefined : find('bwrap'),
  ]);
  if (ffmpeg === undefined || ffprobe === undefined || !(await starts(ffmpeg, ['-version']))) {
    throw new KerkisError(
      'unavailable',
      'FFMPEG_MISSING',
      'ffmpeg and ffprobe are needed. Install the package ffmpeg.',
    );
  }
  const works =
    bwrap !== undefined && (await starts(bwrap, [...bubblewrapArgs([ffmpeg]), ffmpeg, '-version']));
  if (options.sandbox === 'required' && !works) {
    throw new KerkisError(
      'unavailable',
      'SANDBOX_UNAVAILABLE',
      'The sandbox is required, but bubblewrap is not installed or not allowed to make namespaces here.',
    );
  }
  return {
    ffmpeg,
    ffprobe,
    ...(setpriv === undefined ? {} : { setpriv }),
    ...(prlimit === undefined ? {} : { prlimit }),
    ...(nice === undefined ? {} : { nice }),
    ...(works ? { bubblewrap: bwrap } : {}),
  };
}

async function find(name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

async function starts(command: string, args: readonly string[]): Promise<boolean> {
  const { exitCode } = await execa(command, args, { timeout: 10_000, reject: false, stdio: 'ignore' });
  return exitCode === 0;
}
