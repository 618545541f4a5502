import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtempDisposable, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, toolPath } from '@kerkis/tools';
import { execa } from 'execa';
import { type MediaSpec, mediaArguments, rotationArguments } from './media-spec.ts';

/**
 * Path of a media file that fits the spec. ffmpeg makes it once; later calls, also of other test runs, get the same
 * file from the cache folder: never write to it. `name` helps a person to recognise it.
 *
 * Throws an Error with ffmpeg's last words when the spec cannot be made.
 */
export async function makeMedia(name: string, spec: MediaSpec): Promise<string> {
  const folder = join(cacheDirectory(process.env), 'media');
  const hash = createHash('sha256')
    .update(JSON.stringify(passes(spec, '')))
    .digest('hex')
    .slice(0, 12);
  const extension = spec.container ?? 'mp4';
  const path = join(folder, `${name}-${hash}.${extension}`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  await using work = await mkdtempDisposable(join(folder, 'making-'));
  const encoded = join(work.path, `0.${extension}`);
  let made = encoded;
  for (const [index, args] of passes(spec, encoded).entries()) {
    made = join(work.path, `${index}.${extension}`);
    await execa(toolPath('ffmpeg', process.env), ['-v', 'error', '-nostdin', ...args, made]);
  }
  await rename(made, path);
  return path;
}

/** Arguments of each ffmpeg run, without the output; `encoded` is the output of the first. */
function passes(spec: MediaSpec, encoded: string): string[][] {
  const rotation = spec.video ? spec.video.rotation : undefined;
  return rotation ? [mediaArguments(spec), rotationArguments(encoded, rotation)] : [mediaArguments(spec)];
}
