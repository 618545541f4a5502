import { type Track, TrackKind } from '@kerkis/contracts/media';
import { ChunkClass, ChunkState } from '@kerkis/contracts/transcode';
import type { MediaPlan } from '@kerkis/media';
import type { ChunkRecord } from './chunk.ts';
import { lowestRung } from './plan-chunks.ts';
import { segmentCountOf } from './track-runs.ts';
import { videoTrackName } from './tracks.ts';

/** So much of a track must be stored before players may begin with it while it is being made. */
const minLeadSeconds = 60;
/** Encoding must be quicker than playing by this factor, since other jobs may come. */
const safety = 1.5;
/** Chunks from which the speed of a track is known. */
const minChunks = 3;

/** Planned tracks, of which those are offered at once that are made first, or in a moment: the lowest rung, a remuxed one, sound. */
export function offeredAtOnce({ ladder }: MediaPlan, tracks: readonly Track[]): Track[] {
  const lowest = lowestRung(ladder.video);
  const name = lowest && videoTrackName(lowest);
  return tracks.map((track) =>
    track.kind !== TrackKind.VIDEO || track.remuxed || track.name === name
      ? { ...track, offered: true }
      : track,
  );
}

/**
 * Tracks with those offered too that are so far ahead of somebody who begins to play now, and are made so quickly, that players will not
 * wait for them. The same array when there is no such track.
 */
export function offeredAhead(tracks: readonly Track[], chunks: readonly ChunkRecord[]): readonly Track[] {
  const isNew = (track: Track) => !track.offered && !track.complete && isSafelyAhead(track, chunks);
  return tracks.some(isNew)
    ? tracks.map((track) => (isNew(track) ? { ...track, offered: true } : track))
    : tracks;
}

function isSafelyAhead(track: Track, chunks: readonly ChunkRecord[]): boolean {
  const mine = chunks.filter(
    ({ chunk, extra }) => !extra && chunk.state === ChunkState.FINISHED && chunk.tracks.includes(track.name),
  );
  const speed = speedOf(track, mine);
  const lead = secondsOfSegments(track, segmentsInARow(mine));
  const left = secondsOfSegments(track, segmentCountOf(track.segments)) - lead;
  return lead >= minLeadSeconds && (speed >= safety || (left / speed) * safety <= lead);
}

/** Segments that are stored from the first one on without a hole. */
function segmentsInARow(finished: readonly ChunkRecord[]): number {
  const ordered = finished.toSorted((a, b) => a.chunk.firstSegment - b.chunk.firstSegment);
  let next = 1;
  for (const { chunk } of ordered) {
    if (chunk.firstSegment !== next) break;
    next += chunk.segmentCount;
  }
  return next - 1;
}

/** Media seconds a second, over the chunks that came last. 0 while too few are there. */
function speedOf(track: Track, finished: readonly ChunkRecord[]): number {
  const bulk = finished
    .filter(({ chunk }) => chunk.class === ChunkClass.BULK)
    .toSorted((a, b) => a.changedAt.getTime() - b.changedAt.getTime())
    .slice(-2 * minChunks);
  const [first, ...rest] = bulk;
  const last = rest.at(-1);
  if (!first || !last || bulk.length < minChunks) return 0;
  const tookMs = last.changedAt.getTime() - first.changedAt.getTime();
  const made = rest.reduce((sum, { chunk }) => sum + secondsOfSegments(track, chunk.segmentCount), 0);
  return made / (Math.max(1, tookMs) / 1000);
}

/** About as long as so many segments of the track last. */
function secondsOfSegments({ segments, timescale }: Track, count: number): number {
  const ticks = segments.reduce((sum, run) => sum + run.count * Number(run.duration), 0);
  return (ticks / timescale) * (count / Math.max(1, segmentCountOf(segments)));
}
