import type { Track } from '@kerkis/contracts/media';
import type { ChunkRecord, TrackMeasure } from './chunk.ts';
import { segmentCountOf } from './track-runs.ts';

/**
 * A track whose chunks are all finished, with measured bitrates in place of planned ones. Undefined while segments are
 * missing.
 */
export function measuredTrack(track: Track, chunks: readonly ChunkRecord[]): Track | undefined {
  const measures = chunks.map(({ measured }) => measured[track.name]).filter((each) => each !== undefined);
  const segments = sum(measures, ({ segmentCount }) => segmentCount);
  if (segments !== segmentCountOf(track.segments)) return undefined;
  const ticks = track.segments.reduce((total, run) => total + run.count * Number(run.duration), 0);
  const sizeBytes = sum(measures, (each) => each.sizeBytes);
  const average = (sizeBytes * 8 * track.timescale) / ticks;
  const peak = Math.max(average, ...measures.map(({ peakBandwidthBps }) => peakBandwidthBps));
  return {
    ...track,
    complete: true,
    offered: true,
    sizeBytes: BigInt(sizeBytes),
    peakBandwidthBps: BigInt(Math.max(1, Math.ceil(peak))),
    averageBandwidthBps: BigInt(Math.max(1, Math.ceil(average))),
  };
}

const sum = (measures: readonly TrackMeasure[], of: (measure: TrackMeasure) => number) =>
  measures.reduce((total, measure) => total + of(measure), 0);
