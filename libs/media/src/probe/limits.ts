/** What a source may be at most, and what looking at it may cost. */
export interface SourceLimits {
  /** Longest presentation. */
  readonly maxDurationMs: number;
  /** Largest coded picture, width × height. */
  readonly maxPixels: number;
  readonly maxStreams: number;
  /** Most packets of all streams together that are read for the timeline. */
  readonly maxPackets: number;
  /** A stretch without any packet that is longer than this is cut out of the presentation. */
  readonly maxGapSeconds: number;
  /** Most audio streams that are used. */
  readonly maxAudios: number;
  /** Wall clock for one run of ffprobe. Reading all packets gets a second for each 20 MB more. */
  readonly probeTimeoutMs: number;
  /** Address space of ffprobe. */
  readonly memoryBytes: number;
}

/** Twelve hours, 8K, a minute of probing. */
export const defaultSourceLimits: SourceLimits = {
  maxDurationMs: 12 * 3_600_000,
  maxPixels: 8192 * 4608,
  maxStreams: 64,
  maxAudios: 16,
  maxPackets: 20_000_000,
  maxGapSeconds: 60,
  probeTimeoutMs: 60_000,
  memoryBytes: 2 * 1024 ** 3,
};
