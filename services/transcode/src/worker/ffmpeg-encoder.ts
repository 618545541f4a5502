import type { KerkisConfig } from '@kerkis/config';
import { encodeUnit, type MediaTools, makePoster, type ProcessLimits } from '@kerkis/media';
import type { Tracer } from '@opentelemetry/api';
import type { EncodeRun, Encoder } from './encode-chunk.ts';

/** Encodes with ffmpeg, inside the limits of the configuration. */
export function ffmpegEncoder(
  tools: MediaTools,
  { transcode, inputs }: Pick<KerkisConfig, 'transcode' | 'inputs'>,
  tracer: Tracer,
): Encoder {
  const { threadsPerJob, niceness, memoryBytes, timeoutFactor } = transcode.worker;

  function settings({ sourcePath, isUrgent, signal, mediaSeconds, onSpeed }: EncodeRun) {
    const seconds = Math.max(60, Math.ceil(mediaSeconds * timeoutFactor));
    const limits: ProcessLimits = {
      cpuSeconds: seconds * threadsPerJob,
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
      threads: threadsPerJob,
      maxPixels: inputs.maxPixels,
      maxStreams: inputs.maxStreams,
      niceness: isUrgent ? 0 : niceness,
      onProgress: ({ speed }: { speed: number }) => onSpeed(speed),
    };
  }

  return {
    encode: (plan, unit, run) => encodeUnit(plan, unit, settings(run)),
    poster: (plan, run) => makePoster(plan.source, {}, settings(run)),
  };
}
