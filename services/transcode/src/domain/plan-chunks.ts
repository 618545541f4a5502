import { ChunkClass } from '@kerkis/contracts/transcode';
import { type MediaPlan, oddSegments, type VideoRung } from '@kerkis/media';
import { laneOf } from './hardware-need.ts';
import { secondsOf, segmentCountOf, segmentsLasting, type TrackRuns, trackRuns } from './track-runs.ts';
import { audioTrackName, videoTrackName } from './tracks.ts';

/** One chunk of a plan. */
export interface PlannedChunk {
  readonly tracks: readonly string[];
  /** Counted from 1. */
  readonly firstSegment: number;
  readonly segmentCount: number;
  readonly class: ChunkClass;
  /** Place in the order in which chunks are given out. It stays what it is when upper rungs are left out. */
  readonly order: number;
  /** Whether it is of rungs that a look at the content may change or leave out. */
  readonly isUpper: boolean;
}

/** Tracks that one ffmpeg makes of one decode, and how long its chunks are after the head. */
interface Lane {
  readonly tracks: readonly string[];
  readonly chunkSeconds: number;
  readonly isUpper: boolean;
  /** Lengths of its first chunks: short, so that playback starts early. */
  readonly headSeconds: readonly number[];
}

const usualHead = [8];
/**
 * What is played first begins with a chunk of a single segment: an encoder looks ahead, so that a segment of a longer chunk comes out only when
 * part of the next one is encoded too.
 */
const firstPlayedHead = [0, ...usualHead];
/** An asset as short as this is all head. */
const shortSeconds = 30;
/** The lowest rung costs little, and rate control starts again with each chunk: its chunks are longer by this factor. */
const lowestFactor = 3;
/** Audio costs even less. */
const audioFactor = 10;
/** A remuxed rung is only copied. */
const remuxSeconds = 300;
/** No more than codecs, each in software and in hardware, with three chunks each. */
const maxUpperHeads = 48;

/**
 * The chunks of a plan, in the order in which they are given out: the head of each lane, then the rest of a remuxed rung, of the lowest one along
 * the whole length, of each audio track, and last the other rungs chunk by chunk. Rungs of another codec, or of another
 * encoder, have lanes of their own, so that a slow encoder holds back no other and hardware is needed for its own rungs only.
 */
export function planChunks(plan: MediaPlan, chunkSeconds: number): PlannedChunk[] {
  const runs = trackRuns(plan);
  const all = lanes(plan, chunkSeconds);
  // How the others are cut does not depend on rungs that may be left out.
  const sure = all.filter(({ isUpper }) => !isUpper).flatMap(({ tracks }) => runs.get(tracks[0] ?? '') ?? []);
  const isShort = Math.max(...sure.map(secondsOf)) <= shortSeconds;
  const chunks = all.flatMap((lane) => cut(lane, runs, isShort));
  return numbered(chunks.toSorted(inOrder));
}

/** A chunk of a lane. */
interface CutChunk extends Omit<PlannedChunk, 'order'> {
  /** Place among the short chunks that the lane begins with, counted from 0. */
  readonly headPlace?: number;
}

/** The heads, those of upper rungs, all the rest, and that of upper rungs. */
const groupOf = ({ headPlace, isUpper }: CutChunk) => (headPlace === undefined ? 2 : 0) + Number(isUpper);

const inOrder = (a: CutChunk, b: CutChunk) =>
  groupOf(a) - groupOf(b) || (a.headPlace ?? 0) - (b.headPlace ?? 0);

/** Room is left for the heads of upper rungs, and the rest of these comes last. */
function numbered(chunks: readonly CutChunk[]): PlannedChunk[] {
  const sizeOf = (group: number) => chunks.filter((each) => groupOf(each) === group).length;
  const [heads, rest] = [sizeOf(0), sizeOf(2)];
  const next = [0, heads, heads + maxUpperHeads, heads + maxUpperHeads + rest];
  return chunks.map((chunk) => {
    const group = groupOf(chunk);
    const order = next[group] ?? 0;
    next[group] = order + 1;
    const { headPlace: _, ...planned } = chunk;
    return { ...planned, order };
  });
}

/** What makes an asset play everywhere comes before what makes it look better. */
function lanes({ grid, ladder }: MediaPlan, chunkSeconds: number): Lane[] {
  const lowest = lowestRung(ladder.video);
  const others = Map.groupBy(
    ladder.video.filter((rung) => rung !== lowest),
    laneOf,
  );
  const isLikeLowest = ([rung]: readonly VideoRung[]) => Number(rung?.codec === lowest?.codec);
  const byEncoder = [...others.values()].toSorted((a, b) => isLikeLowest(b) - isLikeLowest(a));
  const lane = (rungs: readonly VideoRung[], isUpper: boolean): Lane[] => {
    const seconds = isUpper ? chunkSeconds : chunkSeconds * lowestFactor;
    const isPlayedFirst = !isUpper && !ladder.remux;
    const odd = Array<number>(oddSegments(grid)).fill(0);
    const headSeconds = odd.length > 0 || !isPlayedFirst ? [...odd, ...usualHead] : firstPlayedHead;
    return rungs.length > 0
      ? [{ tracks: rungs.map(videoTrackName), chunkSeconds: seconds, isUpper, headSeconds }]
      : [];
  };
  const sure = { isUpper: false, headSeconds: usualHead };
  const remuxed = ladder.remux
    ? [{ ...sure, tracks: [videoTrackName(ladder.remux)], chunkSeconds: remuxSeconds }]
    : [];
  return [
    ...remuxed,
    ...lane(lowest ? [lowest] : [], false),
    ...ladder.audio.map((rung) => ({
      ...sure,
      tracks: [audioTrackName(rung)],
      chunkSeconds: chunkSeconds * audioFactor,
    })),
    ...byEncoder.flatMap((rungs) => lane(rungs, true)),
  ];
}

/** The rung with the smallest picture: of H.264, which everything plays, if there is such a rung. */
export function lowestRung(rungs: readonly VideoRung[]): VideoRung | undefined {
  const h264 = rungs.filter(({ codec }) => codec === 'h264');
  return (h264.length > 0 ? h264 : rungs).reduce<VideoRung | undefined>(
    (least, rung) => (least && least.width * least.height <= rung.width * rung.height ? least : rung),
    undefined,
  );
}

function cut(
  { tracks, chunkSeconds, isUpper, headSeconds }: Lane,
  runs: ReadonlyMap<string, TrackRuns>,
  isShort: boolean,
): CutChunk[] {
  const [name = ''] = tracks;
  // All tracks of a lane are cut alike.
  const lane = runs.get(name);
  if (!lane) return [];
  const chunks: CutChunk[] = [];
  const all = segmentCountOf(lane.runs);
  for (let first = 1; first <= all; ) {
    const headPlace = chunks.length;
    const short = headSeconds[headPlace];
    const isHead = short !== undefined;
    const usual = segmentsLasting(lane, first, chunkSeconds);
    const wanted = isHead ? Math.min(usual, segmentsLasting(lane, first, short)) : usual;
    const left = all - first + 1;
    // What would be less than half a chunk goes with the one before it, except that a head stays short.
    const isLast = left <= wanted || (short !== 0 && left - wanted < usual / 2 && (isShort || !isHead));
    const segmentCount = isLast ? left : wanted;
    chunks.push({
      tracks,
      firstSegment: first,
      segmentCount,
      class: isHead || isShort ? ChunkClass.HEAD : ChunkClass.BULK,
      isUpper,
      ...(isHead && { headPlace }),
    });
    first += segmentCount;
  }
  return chunks;
}
