import { uri } from './attributes.ts';
import { type PlaylistOptions, type Track, validateTrack } from './presentation.ts';

/** A whole number of microseconds as decimal seconds with six places. */
function seconds(microseconds: number): string {
  return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`;
}

/**
 * The media playlist of one complete (VOD) track, to be served at `<name>/media.m3u8`; URIs are relative to it.
 * Each EXTINF is the difference of two rounded times, so that their sum is the track's length to the microsecond,
 * however many segments there are. Throws RangeError on a track that cannot be written.
 */
export function mediaPlaylist(track: Track, options: PlaylistOptions = {}): string {
  validateTrack(track);
  const targetSeconds = track.segments
    .filter((run) => run.count > 0)
    .reduce((longest, run) => Math.max(longest, Math.round(run.duration / track.timescale)), 1);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${targetSeconds}`,
    '#EXT-X-MEDIA-SEQUENCE:1',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    `#EXT-X-MAP:URI="${uri('init.mp4', options.query)}"`,
  ];
  let number = 1;
  let endTicks = 0;
  let startUs = 0;
  for (const run of track.segments) {
    for (let i = 0; i < run.count; i++) {
      endTicks += run.duration;
      const endUs = Math.round((endTicks / track.timescale) * 1e6);
      lines.push(`#EXTINF:${seconds(endUs - startUs)},`, uri(`${number}.m4s`, options.query));
      startUs = endUs;
      number += 1;
    }
  }
  lines.push('#EXT-X-ENDLIST', '');
  return lines.join('\n');
}
