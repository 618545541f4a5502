import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { KerkisError } from '@kerkis/errors';
import { type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { defaultProcessLimits, type ProcessLimits } from './confine.ts';
import { type ProcessEnd, startProcess } from './run-process.ts';
import type { MediaTools } from './tools.ts';

/** How far ffmpeg is. */
export interface FfmpegProgress {
  /** Frames of the first video output. */
  readonly frames: number;
  /** Media seconds per second of wall clock. */
  readonly speed: number;
  readonly outTimeMs: number;
}

/** How to run ffmpeg. */
export interface FfmpegOptions {
  readonly tools: MediaTools;
  /** Files it may read. */
  readonly readable: readonly string[];
  /** Device files that it may use. */
  readonly devices?: readonly string[] | undefined;
  /** Outputs on file descriptors from 3 on. */
  readonly pipeCount?: number;
  /** What it reads from standard input; nothing by default. */
  readonly input?: AsyncIterable<Uint8Array>;
  readonly limits?: ProcessLimits;
  /** 0–19: how far it stands back for others. */
  readonly niceness?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FfmpegProgress) => void) | undefined;
  /**
   * Length of what comes out. With it the last progress has the speed of the whole run: with `-copyts` ffmpeg 5 counts from
   * its first report on, so that a short run would have none (`copy_ts_first_pts` in fftools/ffmpeg.c).
   */
  readonly mediaSeconds?: number;
  /** Makes the span of the run; the global tracer by default. */
  readonly tracer?: Tracer;
}

/** An ffmpeg that runs. Its pipes must be read. */
export interface RunningFfmpeg {
  readonly pipes: readonly Readable[];
  /**
   * Resolves with the last progress when ffmpeg has succeeded. Rejects with KerkisError `internal` FFMPEG_FAILED or
   * FFMPEG_KILLED (by a limit or from outside), `deadline` FFMPEG_TIMEOUT, or `cancelled` CANCELLED.
   */
  readonly ended: Promise<FfmpegProgress>;
  /** TERM, then KILL. */
  stop(): void;
  /** Lets others go first from now on, 0–19. */
  standBack(niceness: number): void;
}

/** Starts ffmpeg with arguments that send `-progress` to `pipe:1`. One span `ffmpeg` covers the run. */
export function startFfmpeg(args: readonly string[], options: FfmpegOptions): RunningFfmpeg {
  const {
    tools,
    tracer = trace.getTracer('@kerkis/media'),
    limits = defaultProcessLimits,
    ...rest
  } = options;
  const span = tracer.startSpan('ffmpeg');
  const process = startProcess(tools, [tools.ffmpeg, ...args], { ...rest, limits });
  const ended = finish(process.stdout, process.ended, options, span);
  // The error is also thrown by whoever awaits; a reader that fails first must not make it unhandled.
  ended.catch(() => {});
  return { pipes: process.pipes, ended, stop: process.stop, standBack: process.standBack };
}

async function finish(
  stdout: Readable,
  processEnd: Promise<ProcessEnd>,
  { onProgress, mediaSeconds }: Pick<FfmpegOptions, 'onProgress' | 'mediaSeconds'>,
  span: Span,
): Promise<FfmpegProgress> {
  const startedAt = performance.now();
  let progress = await readProgress(stdout, onProgress);
  const end = await processEnd;
  if (mediaSeconds !== undefined && end.exitCode === 0) {
    progress = { ...progress, speed: mediaSeconds / ((performance.now() - startedAt) / 1000) };
  }
  span.setAttributes({
    'ffmpeg.frames': progress.frames,
    'ffmpeg.speed': progress.speed,
    'process.exit.code': end.exitCode ?? -1,
  });
  const failure = ffmpegFailure(end);
  if (failure !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: failure.reason });
    span.recordException(failure);
  }
  span.end();
  if (failure !== undefined) throw failure;
  return progress;
}

/** Follows the `key=value` lines of `-progress`. */
async function readProgress(
  stdout: Readable,
  onProgress: FfmpegOptions['onProgress'],
): Promise<FfmpegProgress> {
  let progress: FfmpegProgress = { frames: 0, speed: 0, outTimeMs: 0 };
  try {
    for await (const line of createInterface({ input: stdout })) {
      const [key, value = ''] = line.split('=');
      if (key === 'frame') progress = { ...progress, frames: Number.parseInt(value, 10) || 0 };
      if (key === 'speed') progress = { ...progress, speed: Number.parseFloat(value) || 0 };
      if (key === 'out_time_us')
        progress = { ...progress, outTimeMs: Math.max(0, Number(value) / 1000 || 0) };
      if (key === 'progress') onProgress?.(progress);
    }
  } catch {
    // The pipe broke because the process was killed: its end says why.
  }
  return progress;
}

/** Why a run of ffmpeg failed, as a typed error; undefined when it did not. */
function ffmpegFailure(end: ProcessEnd): KerkisError | undefined {
  if (end.exitCode === 0 && !end.isTimedOut && !end.isAborted) return undefined;
  const lines = end.errorLines.slice(-5).map(withoutPaths).join('\n');
  const details = { exitCode: `${end.exitCode ?? ''}`, signal: end.signalName ?? '', stderr: lines };
  const options = { details, cause: new Error(end.errorLines.join('\n')) };
  if (end.isAborted) return new KerkisError('cancelled', 'CANCELLED', 'The encoding was cancelled.', options);
  if (end.isTimedOut) {
    return new KerkisError('deadline', 'FFMPEG_TIMEOUT', 'ffmpeg took longer than it may.', options);
  }
  if (end.exitCode === undefined) {
    return new KerkisError(
      'internal',
      'FFMPEG_KILLED',
      'ffmpeg was killed: it used more than it may.',
      options,
    );
  }
  return new KerkisError(
    'internal',
    'FFMPEG_FAILED',
    'ffmpeg failed. Its last words are in the details.',
    options,
  );
}

/** Error text that may leave this machine: no paths and no addresses. */
function withoutPaths(line: string): string {
  return line.replace(/\s*@ 0x[0-9a-f]+/g, '').replace(/(file:)?\/[^\s:']+/g, '<path>');
}
