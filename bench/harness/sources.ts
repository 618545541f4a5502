import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtempDisposable, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { corpus, makeMedia } from '@kerkis/testing';
import { runFfmpeg } from './bare.ts';

/** What a source is like: `remux` may be published as it is, `encode` may not. */
export type SourceKind = 'remux' | 'encode';

/** A real clip, 720p H.264 with a key frame each three seconds and AAC; a generated one where there is no corpus. */
async function realClip(): Promise<{ path: string; isReal: boolean }> {
  const found = corpus()?.find(({ name }) => name.startsWith('006_real-camera'));
  if (found) return { path: found.path, isReal: true };
  console.warn('No corpus (KERKIS_MEDIA_CORPUS): a generated clip takes the place of a real one.');
  const video = { width: 1280, height: 720 };
  const outputOptions = ['-g', '90', '-bf', '2', '-b:v', '2400k'];
  return { path: await makeMedia('bench-clip', { seconds: 12, video, outputOptions }), isReal: false };
}

/**
 * A source of that length made from the clip, in a folder for temporary files that is kept for the next time. Only the short
 * clip is ever encoded (HEVC for `encode`); its streams are then repeated as they are, each by itself, so that neither drifts
 * against the other where they join.
 */
export async function loopedSource(kind: SourceKind, seconds: number): Promise<string> {
  const { path: clip } = await realClip();
  const folder = join(tmpdir(), 'kerkis-bench-media');
  const hash = createHash('sha256').update(clip).digest('hex').slice(0, 8);
  const path = join(folder, `${kind}-${seconds}s-${hash}.mp4`);
  if (existsSync(path)) return path;
  console.log(`Making ${basename(path)} ...`);
  await mkdir(folder, { recursive: true });
  await using work = await mkdtempDisposable(join(folder, 'making-'));
  const [picture, sound, made] = ['v.mp4', 'a.mp4', 'made.mp4'].map((name) => join(work.path, name));
  const hevc = [
    '-c:v',
    'libx265',
    '-preset',
    'superfast',
    '-crf',
    '23',
    '-x265-params',
    'keyint=60:log-level=error',
  ];
  await runFfmpeg([
    '-i',
    clip,
    '-map',
    '0:v:0',
    ...(kind === 'encode' ? [...hevc, '-tag:v', 'hvc1'] : ['-c', 'copy']),
    `${picture}`,
  ]);
  await runFfmpeg(['-i', clip, '-map', '0:a:0', '-c', 'copy', `${sound}`]);
  const loop = (input = '') => ['-stream_loop', '-1', '-i', input];
  const maps = ['-map', '0:v', '-map', '1:a', '-c', 'copy', '-t', `${seconds}`];
  await runFfmpeg([
    ...loop(picture),
    ...loop(sound),
    ...maps,
    ...(kind === 'encode' ? ['-tag:v', 'hvc1'] : []),
    `${made}`,
  ]);
  await rename(`${made}`, path);
  return path;
}
