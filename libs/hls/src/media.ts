import { attributeList, quoted, uri } from './attributes.ts';
import {
  type ByteRange,
  type MediaPlaylistOptions,
  requireByteRanges,
  type Track,
  validateTrack,
} from './presentation.ts';
import { segmentTimes } from './segment-times.ts';

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

function head(targetSeconds: number): string[] {
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${targetSeconds}`,
    '#EXT-X-MEDIA-SEQUENCE:1',
    '#EXT-X-PLAYLIST-TYPE:VOD',
  ];
}

function initSegment({ query }: MediaPlaylistOptions): string {
  return `#EXT-X-MAP:URI="${uri('init.mp4', query)}"`;
}

/** A key applies to an init segment behind it too. */
function initAndKeys(options: MediaPlaylistOptions): string[] {
  const { encryption } = options;
  if (encryption === undefined) return [initSegment(options)];
  const keys = encryption.keys.map((key) => {
    const attributes = attributeList({
      METHOD: encryption.method,
      URI: quoted(key.uri),
      KEYFORMAT: key.keyFormat === undefined ? undefined : quoted(key.keyFormat),
      KEYFORMATVERSIONS: key.keyFormatVersions === undefined ? undefined : quoted(key.keyFormatVersions),
      KEYID: key.keyId === undefined ? undefined : `0x${key.keyId}`,
    });
    return `#EXT-X-KEY:${attributes}`;
  });
  const init = initSegment(options);
  return encryption.method === 'AES-128' ? [init, ...keys] : [...keys, init];
}

/**
 * The media playlist of one complete (VOD) track, to be served at `<name>/media.m3u8`; URIs are relative to it.
 * Throws RangeError on a track that cannot be written.
 */
export function mediaPlaylist(track: Track, options: MediaPlaylistOptions = {}): string {
  validateTrack(track);
  const isText = track.kind === 'text';
  const lines = head(Math.max(longestSeconds(track), isText ? 1 : (options.targetSeconds ?? 1)));
  if (!isText) lines.push('#EXT-X-INDEPENDENT-SEGMENTS', ...initAndKeys(options));
  // The file of a text track lies beside the folder that the playlist is in.
  const textFile = `../${track.name.split('/').at(-1)}.vtt`;
  for (const { number, tag } of segmentTimes(track)) {
    lines.push(tag, uri(isText ? textFile : `${number}.m4s`, options.query));
  }
  lines.push('#EXT-X-ENDLIST', '');
  return lines.join('\n');
}

/**
 * The playlist of the first pictures of all segments of a video track, to be served at `<name>/iframes.m3u8`: `ranges` tells
 * where in each segment it is, in order; more ranges than segments are left out. Throws RangeError on a track or a range that cannot be
 * written.
 */
export function iframePlaylist(
  track: Track,
  ranges: readonly ByteRange[],
  options: MediaPlaylistOptions = {},
): string {
  validateTrack(track);
  requireByteRanges(track, ranges);
  const lines = head(Math.max(longestSeconds(track), options.targetSeconds ?? 1));
  lines.push('#EXT-X-I-FRAMES-ONLY', initSegment(options));
  for (const { number, tag } of segmentTimes(track)) {
    const range = ranges[number - 1];
    if (range === undefined) break;
    lines.push(
      tag,
      `#EXT-X-BYTERANGE:${range.sizeBytes}@${range.offset}`,
      uri(`${number}.m4s`, options.query),
    );
  }
  lines.push('#EXT-X-ENDLIST', '');
  return lines.join('\n');
}
