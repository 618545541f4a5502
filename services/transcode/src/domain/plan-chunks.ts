import { ChunkClass } from '@kerkis/contracts/transcode';
import type { MediaPlan, VideoRung } from '@kerkis/media';
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
}

/** The first chunk of a lane: short, so that playback starts early. */
const headSeconds = 8;
/** An asset as short as this is all head. */
const shortSeconds = 30;
/** The lowest rung costs little, and rate control starts again with each chunk: its chunks are longer by this factor. */
const lowestFactor = 3;
/** Audio costs even less. */
const audioFactor = 10;
/** A remuxed rung is only copied. */
const remuxSeconds = 300;
/** No more than codecs, each in software and in hardware. */
const maxUpperLanes = 16;

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
  return numbered(chunks.toSorted((a, b) => place(a) - place(b)));
}

/** Room is left for the heads of upper rungs, and the rest of these comes last. */
function numbered(chunks: readonly Omit<PlannedChunk, 'order'>[]): PlannedChunk[] {
  const groupOf = ({ firstSegment, isUpper }: Omit<PlannedChunk, 'order'>) =>
    (firstSegment === 1 ? 0 : 2) + Number(isUpper);
  const sizeOf = (group: number) => chunks.filter((each) => groupOf(each) === group).length;
  const [heads, rest] = [sizeOf(0), sizeOf(2)];
  const next = [0, heads, heads + maxUpperLanes, heads + maxUpperLanes + rest];
  return chunks.map((chunk) => {
    const group = groupOf(chunk);
    const order = next[group] ?? 0;
    next[group] = order + 1;
    return { ...chunk, order };
  });
}

/** Where every lane begins, the rest of what is all head, everything else. */
function place({ firstSegment, class: kind }: Pick<PlannedChunk, 'class' | 'firstSegment'>): number {
  if (firstSegment === 1) return 0;
  return kind === ChunkClass.HEAD ? 1 : 2;
}

/** What makes an asset play everywhere comes before what makes it look better. */
function lanes({ ladder }: MediaPlan, chunkSeconds: number): Lane[] {
  const lowest = lowestRung(ladder.video);
  const others = Map.groupBy(
    ladder.video.filter((rung) => rung !== lowest),
    laneOf,
  );
  const isLikeLowest = ([rung]: readonly VideoRung[]) => Number(rung?.codec === lowest?.codec);
  const byEncoder = [...others.values()].toSorted((a, b) => isLikeLowest(b) - isLikeLowest(a));
  const lane = (rungs: readonly VideoRung[], isUpper: boolean): Lane[] => {
    const seconds = isUpper ? chunkSeconds : chunkSeconds * lowestFactor;
    return rungs.length > 0 ? [{ tracks: rungs.map(videoTrackName), chunkSeconds: seconds, isUpper }] : [];
  };
  const remuxed = ladder.remux
    ? [{ tracks: [videoTrackName(ladder.remux)], chunkSeconds: remuxSeconds, isUpper: false }]
    : [];
  return [
    ...remuxed,
    ...lane(lowest ? [lowest] : [], false),
    ...ladder.audio.map((rung) => ({
      tracks: [audioTrackName(rung)],
      chunkSeconds: chunkSeconds * audioFactor,
      isUpper: false,
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
  { tracks, chunkSeconds, isUpper }: Lane,
  runs: ReadonlyMap<string, TrackRuns>,
  isShort: boolean,
): Omit<PlannedChunk, 'order'>[] {
  const [name = ''] = tracks;
  // All tracks of a lane are cut alike.
  const lane = runs.get(name);
  if (!lane) return [];
  const chunks: Omit<PlannedChunk, 'order'>[] = [];
  const all = segmentCountOf(lane.runs);
  for (let first = 1; first <= all; ) {
    const isFirst = first === 1;
    const usual = segmentsLasting(lane, first, chunkSeconds);
    const wanted = isFirst ? Math.min(usual, segmentsLasting(lane, first, headSeconds)) : usual;
    const left = all - first + 1;
    // What would be less than half a chunk goes with the one before it, except that a head stays short.
    const isLast = left <= wanted || (left - wanted < usual / 2 && (isShort || !isFirst));
    const segmentCount = isLast ? left : wanted;
    chunks.push({
      tracks,
      firstSegment: first,
      segmentCount,
      class: isFirst || isShort ? ChunkClass.HEAD : ChunkClass.BULK,
      isUpper,
    });
    first += segmentCount;
  }
  return chunks;
}
