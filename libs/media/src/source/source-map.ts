import { audioFrameRange } from '../encode/audio-args.ts';
import { audioSeekArgs, videoSeekArgs } from '../encode/seek.ts';
import { type EncodeUnit, unitAudioRung } from '../encode/unit.ts';
import { audioGrid, firstVideoFrame } from '../plan/grid.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import { rungSegments } from '../plan/rung-segments.ts';
import { boxesBetween, Mp4Refusal } from '../probe/mp4/byte-reader.ts';
import { type IndexedTrack, readMp4Index } from '../probe/mp4/mp4-index.ts';
import { isPcm } from '../probe/mp4/pcm-packets.ts';
import { readMovie } from '../probe/mp4/track.ts';
import { readMp4Structure } from '../probe/mp4-structure.ts';
import { toSourceSeconds } from '../probe/source-info.ts';
import { toNumber } from '../rational.ts';
import type { SourceBytes } from './source-bytes.ts';

/** Where in a source lies what its units are made of. */
export interface SourceMap {
  /** The ranges, `[start, end)`, that making a unit reads; undefined when that cannot be told, and all of it must be there. */
  rangesOf(plan: MediaPlan, unit: EncodeUnit): readonly (readonly [number, number])[] | undefined;
}

/** ffmpeg looks at the beginning of every stream before it seeks. */
const headSeconds = 24;
/** Decoders and encoders look ahead, and demuxers read on. */
const marginSeconds = 6;
/** Samples with less than this between them are one range. */
const maxSkippedBytes = 256 * 1024;

/** Reads the index of an MP4. Undefined for what has none, or an unusual one: then all of the source is needed. */
export async function mapSource(file: SourceBytes, sizeBytes: number): Promise<SourceMap | undefined> {
  const { moov, fragments = [], isCutOff } = await readMp4Structure(file, sizeBytes);
  if (moov === undefined || fragments.length > 0 || isCutOff) return undefined;
  const tracks = tracksOf(moov, sizeBytes);
  if (tracks === undefined) return undefined;
  const head = tracks.flatMap((track) => rangesBetween(track, 0, firstAfter(track, headSeconds)));
  return {
    rangesOf(plan, unit) {
      const wanted = wantedOf(plan, unit, tracks);
      if (wanted === undefined) return undefined;
      const { track, fromSeconds, toSeconds } = wanted;
      const first = fromSeconds === undefined ? 0 : syncBefore(track, fromSeconds - marginSeconds);
      return merged([...head, ...rangesBetween(track, first, firstAfter(track, toSeconds + marginSeconds))]);
    },
  };
}

/** All tracks in the order in which a demuxer counts its streams. */
function tracksOf(moov: Buffer, fileBytes: number): IndexedTrack[] | undefined {
  try {
    const movie = readMovie(moov);
    const count = boxesBetween(moov, 0, moov.length).filter(({ type }) => type === 'trak').length;
    const index = readMp4Index({ moov, fragments: [], fileBytes });
    if (movie.isFragmented || movie.tracks.length !== count || index === undefined) return undefined;
    const tracks = movie.tracks.map((track) => (isPcm(moov, track) ? undefined : index.samplesOf(track.id)));
    return tracks.every((track) => track !== undefined) ? tracks : undefined;
  } catch (error) {
    if (error instanceof Mp4Refusal) return undefined;
    throw error;
  }
}

interface Wanted {
  readonly track: IndexedTrack;
  /** Source time from which on it is read; undefined: from the start. */
  readonly fromSeconds: number | undefined;
  readonly toSeconds: number;
}

function wantedOf(plan: MediaPlan, unit: EncodeUnit, tracks: readonly IndexedTrack[]): Wanted | undefined {
  const { source, grid } = plan;
  const { timeline } = source;
  const end = unit.firstSegment + unit.segmentCount;
  if (unit.kind === 'remux') {
    const track = tracks.find(({ track: { id } }) => id === plan.ladder.remux?.trackId);
    const { timescale, segments } = rungSegments(plan, unit.rung);
    const durations = segments.flatMap(({ count, duration }) => Array<number>(count).fill(duration));
    const secondsAt = (segment: number) =>
      timeline.startSeconds + durations.slice(0, segment).reduce((sum, ticks) => sum + ticks, 0) / timescale;
    return track && { track, fromSeconds: secondsAt(unit.firstSegment), toSeconds: secondsAt(end) };
  }
  if (unit.kind === 'video') {
    const { video } = source;
    const track = tracks[video?.index ?? -1];
    if (video === undefined || grid.video === undefined || track?.track.handler !== 'vide') return undefined;
    const rate = toNumber(grid.video.frameRate);
    const at = (segment: number) => toSourceSeconds(timeline, firstVideoFrame(grid, segment) / rate);
    const from = at(unit.firstSegment);
    return { track, fromSeconds: seekOf(videoSeekArgs(source, from)), toSeconds: at(end) };
  }
  const rung = unitAudioRung(plan, unit);
  const stream = source.audios.find(({ index }) => index === rung.sourceIndex);
  const track = tracks[rung.sourceIndex];
  if (stream === undefined || track?.track.handler !== 'soun') return undefined;
  const { samplesPerFrame, sampleRate } = audioGrid(grid, rung.codec);
  const { first, count, skipped } = audioFrameRange(plan, unit);
  const at = (frame: number) => toSourceSeconds(timeline, (frame * samplesPerFrame) / sampleRate);
  const from = at(first - skipped);
  return { track, fromSeconds: seekOf(audioSeekArgs(source, stream, from)), toSeconds: at(first + count) };
}

/** Where the options of an input seek to. */
function seekOf(args: readonly string[]): number | undefined {
  const at = args.indexOf('-ss');
  return at < 0 ? undefined : Number(args[at + 1]);
}

/** The sync sample before the one that is presented at a time or before it: seeking goes by decode times, which are earlier. */
function syncBefore({ track, table, presented }: IndexedTrack, seconds: number): number {
  let [last, before] = [0, 0];
  for (let sample = 0; sample < table.count; sample++) {
    if (table.sync[sample] !== 1) continue;
    if ((presented.times[sample] as number) > seconds * track.timescale) break;
    [before, last] = [last, sample];
  }
  // Where every sample is one, the margin in front is enough.
  return table.sync.every((sync) => sync === 1) ? last : before;
}

/** The first sample, in decode order, from which on all are presented after a time. */
function firstAfter({ track, table, presented }: IndexedTrack, seconds: number): number {
  for (let sample = table.count; sample > 0; sample--) {
    if ((presented.times[sample - 1] as number) <= seconds * track.timescale) return sample;
  }
  return 0;
}

function rangesBetween({ table }: IndexedTrack, first: number, end: number): [number, number][] {
  const ranges: [number, number][] = [];
  for (let sample = first; sample < end; sample++) {
    const start = table.offsets[sample] as number;
    const stop = start + (table.sizes[sample] as number);
    const last = ranges.at(-1);
    if (last && start >= last[0] && start - last[1] <= maxSkippedBytes) last[1] = Math.max(last[1], stop);
    else ranges.push([start, stop]);
  }
  return ranges;
}

function merged(ranges: readonly [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && start - last[1] <= maxSkippedBytes) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}
