import { Mp4Refusal } from '../probe/mp4/byte-reader.ts';
import { readMp4Index } from '../probe/mp4/mp4-index.ts';
import { readMovie } from '../probe/mp4/track.ts';
import { type SourceInfo, toPresentationSeconds } from '../probe/source-info.ts';

/** Which bytes of a file must be there before what is presented until some time can be encoded. Plain data. */
export interface ArrivalNeeds {
  readonly stepSeconds: number;
  /** For each step, how many bytes from the first one on must be there to encode everything until its end. They only grow. */
  readonly bytes: readonly number[];
}

/** So much more than is presented must be there: decoders look ahead, and demuxers read on. */
export const marginSeconds = 6;

const maxSteps = 1000;

/** How much of the presentation can be encoded with the first bytes of a file, seconds. */
export function readySeconds({ stepSeconds, bytes }: ArrivalNeeds, arrivedBytes: number): number {
  const missing = bytes.findIndex((needed) => needed > arrivedBytes);
  return (missing < 0 ? bytes.length : missing) * stepSeconds;
}

/**
 * Reads from the index of an MP4 which bytes each part of its presentation takes. Undefined when the index does not tell, or tells of
 * another length than was found.
 */
export function arrivalNeeds(moov: Buffer, source: SourceInfo, fileBytes: number): ArrivalNeeds | undefined {
  const samples = unlessRefused(() => readTracks(moov, fileBytes));
  if (samples === undefined || samples.length === 0) return undefined;
  const stepSeconds = Math.max(1, source.durationSeconds / maxSteps);
  const steps = Math.ceil(source.durationSeconds / stepSeconds);
  const needed = new Array<number>(steps).fill(0);
  let lastSeconds = 0;
  for (const { seconds, ends } of samples) {
    const shown = seconds.map((time) => toPresentationSeconds(source.timeline, time));
    for (const time of shown) if (time > lastSeconds) lastSeconds = time;
    for (const [step, bytes] of needsOfTrack(shown, ends, stepSeconds, steps).entries())
      needed[step] = Math.max(needed[step] ?? 0, bytes);
  }
  if (Math.abs(lastSeconds - source.durationSeconds) > marginSeconds) return undefined;
  return { stepSeconds, bytes: needed };
}

interface TrackBytes {
  /** Source time of each sample in decode order; NaN for one that is not presented. */
  readonly seconds: Float64Array;
  /** Where each ends in the file. */
  readonly ends: Float64Array;
}

function readTracks(moov: Buffer, fileBytes: number): TrackBytes[] {
  const index = readMp4Index({ moov, fragments: [], fileBytes });
  const tracks = readMovie(moov).tracks.filter(({ handler }) => handler === 'vide' || handler === 'soun');
  return tracks.map(({ id }) => {
    const found = index?.samplesOf(id);
    if (!found) throw new Mp4Refusal('a track has no plain index');
    const { track, table, presented } = found;
    return {
      seconds: presented.times.map((ticks) => ticks / track.timescale),
      ends: Float64Array.from(table.offsets, (offset, sample) => offset + (table.sizes[sample] ?? 0)),
    };
  });
}

/** For each step the end of the last byte until its margin, and of the sample that comes next: only that ends the one before it. */
function needsOfTrack(
  seconds: Float64Array,
  ends: Float64Array,
  stepSeconds: number,
  steps: number,
): number[] {
  const last = new Array<number>(steps).fill(0);
  const next = new Array<number>(steps + 1).fill(0);
  const nextSeconds = new Array<number>(steps + 1).fill(Number.POSITIVE_INFINITY);
  for (const [sample, time] of seconds.entries()) {
    if (Number.isNaN(time)) continue;
    const end = ends[sample] ?? 0;
    const step = Math.max(0, Math.ceil((time - marginSeconds) / stepSeconds) - 1);
    if (step < steps) last[step] = Math.max(last[step] ?? 0, end);
    const at = Math.min(step, steps);
    if (time < (nextSeconds[at] ?? 0)) {
      nextSeconds[at] = time;
      next[at] = end;
    }
  }
  for (let step = steps - 1; step >= 0; step--) {
    if (nextSeconds[step] === Number.POSITIVE_INFINITY) next[step] = next[step + 1] ?? 0;
  }
  let most = 0;
  return last.map((bytes, step) => {
    most = Math.max(most, bytes);
    return Math.max(most, next[step + 1] ?? 0);
  });
}

/** A refusal is undefined; everything else is a defect of ours and is thrown on. */
function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Mp4Refusal) return undefined;
    throw error;
  }
}
