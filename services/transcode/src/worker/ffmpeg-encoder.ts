import { availableParallelism } from 'node:os';
import type { KerkisConfig } from '@kerkis/config';
import {
  createRemuxSources,
  encodeUnit,
  type Hardware,
  type MediaTools,
  type ProcessLimits,
} from '@kerkis/media';
import type { Tracer } from '@opentelemetry/api';
import type { EncodeRun, Encoder } from './encode-chunk.ts';

/** Each further attempt decodes from so much earlier. */
const earlierSeconds = 30;
/** More threads make a segment of a few seconds hardly quicker. */
const maxUrgentThreads = 16;

/** Encodes with ffmpeg, inside the limits of the configuration. */
export function ffmpegEncoder(
  tools: MediaTools,
  { transcode, inputs }: Pick<KerkisConfig, 'transcode' | 'inputs'>,
  tracer: Tracer,
  hardware?: Hardware,
): Encoder {
  const cores = Math.min(maxUrgentThreads, availableParallelism());
  const { threadsPerJob, niceness, memoryBytes, timeoutFactor } = transcode.worker;

  const soon = Math.ceil((niceness * 2) / 3);
  const remuxSources = createRemuxSources();

  function settings({ sourcePath, priority, signal, mediaSeconds, onSpeed, attempt = 1 }: EncodeRun) {
    const seconds = Math.max(60, Math.ceil(mediaSeconds * timeoutFactor));
    // What comes out of an encoder depends on its threads: bulk work has the same number on every machine.
    const threads = priority === 'now' ? Math.max(threadsPerJob, cores) : threadsPerJob;
    const limits: ProcessLimits = {
      cpuSeconds: seconds * threads,
      memoryBytes,
      fileSizeBytes: 0,
      timeoutMs: seconds * 1000,
    };
    return {
      tools,
      tracer,
      sourcePath,
      signal,
      limits,
      threads,
      remuxSources,
      hardware,
      // The keyframes of a long source are known by samples: one group of pictures may be longer than all that were seen.
      earlierSeconds: (attempt - 1) * earlierSeconds,
      maxPixels: inputs.maxPixels,
      maxStreams: inputs.maxStreams,
      // Whoever seeks next must not wait for the segments that follow.
      nicenessAfterFirst: priority === 'now' ? niceness : 0,
      niceness: { now: 0, soon, later: niceness }[priority],
      onProgress: ({ speed }: { speed: number }) => onSpeed(speed),
    };
  }

  return {
    encode: (plan, unit, run) => encodeUnit(plan, unit, settings(run)),
    options: settings,
  };
}
