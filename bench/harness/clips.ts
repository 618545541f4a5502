import { existsSync } from 'node:fs';
import { mkdir, mkdtempDisposable, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpus } from '@kerkis/testing';
import { runFfmpeg } from './bare.ts';

/** Something to encode. */
export interface Clip {
  readonly name: string;
  readonly path: string;
  readonly isReal: boolean;
}

/** Films and camera clips of the corpus that are at least five seconds long. */
export function realClips(): Clip[] {
  const found = corpus()?.filter(
    ({ name, durationMs = 0, decodes }) => /real-(camera|film)/.test(name) && decodes && durationMs >= 5000,
  );
  if (found === undefined)
    console.warn('No corpus (KERKIS_MEDIA_CORPUS): only generated clips are measured.');
  return (found ?? []).map(({ name, path }) => ({ name: name.replace(/\.\w+$/, ''), path, isReal: true }));
}

const seconds = 8;
const canvas = `s=1920x1080:r=30:d=${seconds}`;
const line = 'The quick brown fox jumps over the lazy dog 0123456789 ';

/** Inputs and filters of clips that no camera makes, 1080p. */
const recipes: Readonly<Record<string, readonly string[]>> = {
  screencast: [
    ...['-f', 'lavfi', '-i', `color=white:${canvas}`, '-vf'],
    Array.from(
      { length: 24 },
      (_, row) => `drawtext=text='${row} ${line.repeat(2)}':fontsize=22:x=40:y=${row * 60}-60*floor(t/2)`,
    ).join(','),
  ],
  slides: [
    ...['-f', 'lavfi', '-i', `color=0x203050:${canvas}`, '-vf'],
    [0, 1, 2]
      .map((n) => {
        const shown = `enable='between(t,${n * 3},${n * 3 + 3})':fontcolor=white:x=160`;
        const title = `drawtext=text='Slide ${n + 1} of three':fontsize=110:y=160:${shown}`;
        return `${title},drawtext=text='${line}':fontsize=36:y=${500 + n * 90}:${shown}`;
      })
      .join(','),
  ],
  animation: ['-f', 'lavfi', '-i', `testsrc2=${canvas}`],
  noise: ['-f', 'lavfi', '-i', `color=gray:s=1280x720:r=30:d=${seconds},noise=alls=60:allf=t`],
};

/** Generated clips, and a film scaled up, kept in a folder for temporary files for the next time. */
export async function madeClips(): Promise<Clip[]> {
  const folder = join(tmpdir(), 'kerkis-bench-media');
  await mkdir(folder, { recursive: true });
  const film = realClips().find(({ name }) => name.startsWith('017_real-film'))?.path;
  const scaledUp = ['-t', `${seconds}`, '-i', film ?? '', '-an', '-vf', 'scale=1920:1080:flags=bicubic'];
  const all = film === undefined ? recipes : { ...recipes, 'film-540p-scaled-up': scaledUp };
  const clips: Clip[] = [];
  for (const [name, args] of Object.entries(all)) {
    const path = join(folder, `clip-${name}.mp4`);
    clips.push({ name, path, isReal: false });
    if (existsSync(path)) continue;
    await using work = await mkdtempDisposable(join(folder, 'making-'));
    const made = join(work.path, 'made.mp4');
    const encoder = [
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-crf',
      '14',
      '-g',
      '60',
      '-pix_fmt',
      'yuv420p',
    ];
    await runFfmpeg([...args, ...encoder, made]);
    await rename(made, path);
  }
  return clips;
}
