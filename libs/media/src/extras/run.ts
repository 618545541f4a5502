import { toKerkisError } from '@kerkis/errors';
import type { EncodeSettings } from '../encode/video-args.ts';
import { type FfmpegOptions, type RunningFfmpeg, startFfmpeg } from '../process/run-ffmpeg.ts';

/** How to read a source and to run ffmpeg on it. */
export type ExtraOptions = EncodeSettings & RunOptions;

/** How to run ffmpeg. */
export type RunOptions = Omit<FfmpegOptions, 'readable' | 'pipeCount' | 'input' | 'mediaSeconds'>;

/** What is particular to a run. */
interface RunInput {
  /** The only files that it may read. */
  readonly readable: readonly string[];
  /** What it reads from standard input. */
  readonly input?: AsyncIterable<Uint8Array>;
}

/** Options of every run: quiet, progress on standard output. */
export const quietArgs = [
  ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
  ...['-max_error_rate', '1'],
];

/** Options of an output that copy nothing of what the source says about itself. */
export const plainOutput = ['-map_metadata', '-1', '-map_chapters', '-1', '-flags', '+bitexact'];

/**
 * Runs ffmpeg and yields what it writes to file descriptor 3 as it comes. Leaving early stops it. Throws what `startFfmpeg`
 * rejects with, and what `input` throws.
 */
export async function* ffmpegOutput(
  args: readonly string[],
  options: RunOptions,
  { readable, input }: RunInput,
): AsyncGenerator<Buffer> {
  const given = watched(input);
  const ffmpeg = startFfmpeg(args, {
    ...options,
    readable,
    pipeCount: 1,
    ...(given.input === undefined ? {} : { input: given.input }),
  });
  let isComplete = false;
  try {
    yield* (ffmpeg.pipes[0] ?? []) as AsyncIterable<Buffer>;
    isComplete = true;
  } finally {
    if (!isComplete) abandon(ffmpeg);
  }
  await ffmpeg.ended.catch((error) => {
    throw given.failure() ?? error;
  });
  const failure = given.failure();
  if (failure !== undefined) throw failure;
}

/** All that such a run writes; undefined as soon as it is more than `maxBytes`. */
export async function ffmpegBytes(
  args: readonly string[],
  options: RunOptions,
  input: RunInput,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of ffmpegOutput(args, options, input)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Stops an ffmpeg whose output is of no more use. */
export function abandon(ffmpeg: RunningFfmpeg): void {
  ffmpeg.stop();
  for (const pipe of ffmpeg.pipes) pipe.destroy();
}

/** The input, and what it failed with: ffmpeg only sees that it ended. */
function watched(input: AsyncIterable<Uint8Array> | undefined) {
  let failed: { readonly error: unknown } | undefined;
  async function* watch(source: AsyncIterable<Uint8Array>) {
    try {
      yield* source;
    } catch (error) {
      failed = { error };
      throw error;
    }
  }
  return {
    input: input === undefined ? undefined : watch(input),
    failure: () => (failed === undefined ? undefined : toKerkisError(failed.error)),
  };
}
