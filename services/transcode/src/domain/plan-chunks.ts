import { ChunkClass } from '@kerkis/contracts/transcode';
import type { MediaPlan, VideoRung } from '@kerkis/media';
import { secondsOf, segmentCountOf, segmentsLasting, type TrackRuns, trackRuns } from './track-runs.ts';
import { audioTrackName, videoTrackName } from './tracks.ts';

/** One chunk of a plan. */
export interface PlannedChunk {
  readonly tracks: readonly string[];
  /** Counted from 1. */
  readonly firstSegment: number;
  readonly segmentCount: number;
  readonly class: ChunkClass;
}

/** Tracks that one ffmpeg makes of one decode, and how long its chunks are after the head. */
interface Lane {
  readonly tracks: readonly string[];
  readonly chunkSeconds: number;
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

/**
 * The chunks of a plan, in the order in which they are given out: the head of each lane, then the rest of a remuxed rung, of the lowest one along
 * the whole length, of each audio track, and last the other rungs chunk by chunk. Rungs of another codec have lanes of their own, so
 * that a slow encoder holds back no other.
 */
export function planChunks(plan: MediaPlan, chunkSeconds: number): PlannedChunk[] {
  const runs = trackRuns(plan);
  const isShort = Math.max(...[...runs.values()].map(secondsOf)) <= shortSeconds;
  const chunks = lanes(plan, chunkSeconds).flatMap((lane) => cut(lane, runs, isShort));
  return chunks.toSorted((a, b) => place(a) - place(b));
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
    ({ codec }) => codec,
  );
  const byCodec = [...others].toSorted(
    ([a], [b]) => Number(b === lowest?.codec) - Number(a === lowest?.codec),
  );
  const lane = (rungs: readonly VideoRung[], factor = 1): Lane[] =>
    rungs.length > 0 ? [{ tracks: rungs.map(videoTrackName), chunkSeconds: chunkSeconds * factor }] : [];
  const remuxed = ladder.remux
    ? [{ tracks: [videoTrackName(ladder.remux)], chunkSeconds: remuxSeconds }]
    : [];
  return [
    ...remuxed,
    ...lane(lowest ? [lowest] : [], lowestFactor),
    ...ladder.audio.map((rung) => ({
      tracks: [audioTrackName(rung)],
      chunkSeconds: chunkSeconds * audioFactor,
    })),
    ...byCodec.flatMap(([, rungs]) => lane(rungs)),
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
  { tracks, chunkSeconds }: Lane,
  runs: ReadonlyMap<string, TrackRuns>,
  isShort: boolean,
): PlannedChunk[] {
  const [name = ''] = tracks;
  // All tracks of a lane are cut alike.
  const lane = runs.get(name);
  if (!lane) return [];
  const chunks: PlannedChunk[] = [];
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
    });
    first += segmentCount;
  }
  return chunks;
}
