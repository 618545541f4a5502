import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceBytes } from '../source/source-bytes.ts';
import { trackIdOf } from './index-clock.ts';
import type { Mp4Look } from './look-at-mp4.ts';
import { makeExcerpt } from './mp4/excerpt.ts';
import type { RawDescription, RawStream } from './stream-description.ts';

/** Programs read a smaller index in less time than an excerpt takes. */
const fewestIndexBytes = 512 * 1024;

/** The beginning of a long file as a file of its own. Disposing deletes it. */
export interface ExcerptedSource extends AsyncDisposable {
  readonly path: string;
  /** Puts right what a description of the excerpt says of the rates of the whole. */
  withWholeRates(description: RawDescription): RawDescription;
}

/** Writes an excerpt of a file whose index is so long that programs take their time to read it; undefined where there is no need, or no way. */
export async function excerptOf(
  file: SourceBytes,
  { index, moov }: Mp4Look,
  directory: string | undefined,
  isAlwaysWanted = false,
): Promise<ExcerptedSource | undefined> {
  if (!index || !moov || directory === undefined) return undefined;
  if (moov.length < fewestIndexBytes && !isAlwaysWanted) return undefined;
  const bytes = await makeExcerpt({ file, moov, index });
  if (bytes === undefined) return undefined;
  const path = join(directory, `excerpt-${randomUUID()}.mp4`);
  await writeFile(path, bytes, { mode: 0o600 });
  const withWholeRate = (stream: RawStream): RawStream => {
    const found = stream.codec_type === 'video' ? index.samplesOf(trackIdOf(stream.id)) : undefined;
    if (found === undefined) return stream;
    const { count, decodeTimes } = found.table;
    const ticks = (decodeTimes[count] as number) - (decodeTimes[0] as number);
    return { ...stream, avg_frame_rate: `${count * found.track.timescale}/${ticks}` };
  };
  return {
    path,
    withWholeRates: (description) => ({
      ...description,
      streams: description.streams?.map(withWholeRate) ?? [],
    }),
    [Symbol.asyncDispose]: () => rm(path, { force: true }),
  };
}
