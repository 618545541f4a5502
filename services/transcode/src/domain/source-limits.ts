import type { KerkisConfig } from '@kerkis/config';
import { defaultSourceLimits, type SourceLimits } from '@kerkis/media';

/** What the configuration allows a source to be. */
export function sourceLimits({
  inputs,
  transcode,
}: Pick<KerkisConfig, 'inputs' | 'transcode'>): SourceLimits {
  return {
    ...defaultSourceLimits,
    maxDurationMs: inputs.maxDurationSeconds * 1000,
    maxPixels: inputs.maxPixels,
    maxStreams: inputs.maxStreams,
    memoryBytes: Math.min(defaultSourceLimits.memoryBytes, transcode.worker.memoryBytes),
  };
}
