import { uri } from './attributes.ts';
import { type MediaPlaylistOptions, type Track, validateTrack } from './presentation.ts';

/** A whole number of microseconds as decimal seconds with six places. */
function seconds(microseconds: number): string {
  return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`;
}

/** The longest segment in seconds, rounded as EXT-X-TARGETDURATION asks for, 1 or more. */
function longestSeconds(track: Track): number {
  return track.segments
    .filter((run) => run.count > 0)
    .reduce((longest, run) => Math.max(longest, Math.round(run.duration / track.timescale)), 1);
}

/**
 * The target duration that the playlists of all video and audio tracks of a presentation share, in seconds: RFC 8216bis 6.2.4
 * demands it, although a remuxed track is cut elsewhere than encoded ones. Subtitles are exempt.
 */
export function targetDurationSeconds(tracks: readonly Track[]): number {
  return Math.max(1, ...tracks.filter(({ kind }) => kind !== 'text').map(longestSeconds));
}

/**
 * The media playlist of one complete (VOD) track, to be served at `<name>/media.m3u8`; URIs are relative to it.
 * Each EXTINF is the difference of two rounded times, so that their sum is the track's length to the microsecond,
 * however many segments there are. Throws RangeError on a track that cannot be written.
 */
export function mediaPlaylist(track: Track, options: MediaPlaylistOptions = {}): string {
  validateTrack(track);
  const isText = track.kind === 'text';
  const targetSeconds = Math.max(longestSeconds(track), isText ? 1 : (options.targetSeconds ?? 1));
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${targetSeconds}`,
    '#EXT-X-MEDIA-SEQUENCE:1',
    '#EXT-X-PLAYLIST-TYPE:VOD',
  ];
  if (!isText) {
    lines.push('#EXT-X-INDEPENDENT-SEGMENTS', `#EXT-X-MAP:URI="${uri('init.mp4', options.query)}"`);
  }
  // The file of a text track lies beside the folder that the playlist is in.
  const textFile = `../${track.name.split('/').at(-1)}.vtt`;
  let number = 1;
  let endTicks = 0;
  let startUs = 0;
  for (const run of track.segments) {
    for (let i = 0; i < run.count; i++) {
      endTicks += run.duration;
      const endUs = Math.round((endTicks / track.timescale) * 1e6);
      const file = isText ? textFile : `${number}.m4s`;
      lines.push(`#EXTINF:${seconds(endUs - startUs)},`, uri(file, options.query));
      startUs = endUs;
      number += 1;
    }
  }
  lines.push('#EXT-X-ENDLIST', '');
  return lines.join('\n');
}
