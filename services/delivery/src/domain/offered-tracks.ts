import { type Track, TrackKind } from '@kerkis/contracts/media';

/**
 * What to offer while segments are still being made: what is complete, and what the planner says does not make players wait. Plans of
 * former versions say nothing: of those sound and, of each codec, the smallest picture, which is made first and is quickly made on
 * demand.
 */
export function offeredTracks(tracks: readonly Track[]): Track[] {
  if (tracks.some(({ offered }) => offered)) return tracks.filter((track) => track.offered || track.complete);
  const videos = tracks.filter(({ kind }) => kind === TrackKind.VIDEO);
  const byCodec = Map.groupBy(videos, ({ codec }) => codec.split('.')[0]);
  const smallest = new Set(
    [...byCodec.values()].map(
      (rungs) =>
        rungs.toSorted(
          (a, b) => pixels(a) - pixels(b) || Number(a.averageBandwidthBps - b.averageBandwidthBps),
        )[0],
    ),
  );
  return tracks.filter((track) => track.complete || track.kind === TrackKind.AUDIO || smallest.has(track));
}

function pixels({ video }: Track): number {
  return video ? video.width * video.height : 0;
}
