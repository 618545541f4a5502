/** A run of consecutive segments of equal length. */
export interface SegmentRun {
  /** How many segments, an integer from 0. */
  readonly count: number;
  /** Length of each in ticks of the track's timescale, an integer from 1. */
  readonly duration: number;
}

/** Luminance range of a picture, as EXT-X-STREAM-INF names it. */
export type VideoRange = 'SDR' | 'PQ' | 'HLG';

/** What only a video track has. */
export interface VideoAttributes {
  /** Coded width in pixels. */
  readonly width: number;
  /** Coded height in pixels. */
  readonly height: number;
  /** Constant frame rate as a fraction, for instance 30000/1001. */
  readonly frameRate: { readonly num: number; readonly den: number };
  /** Default `SDR`. */
  readonly videoRange?: VideoRange | undefined;
}

/** What only an audio track has. */
export interface AudioAttributes {
  /** Samples per second. */
  readonly sampleRate: number;
  /** Number of channels. */
  readonly channels: number;
  /** BCP 47 tag; empty, `und` or malformed means unknown. */
  readonly language: string;
  /** What a menu shows; may be empty. */
  readonly label: string;
  /** Whether a player picks it when the viewer has no preference. */
  readonly isDefault: boolean;
  /**
   * Tracks of one group are different things to hear (languages, commentary); the same thing to hear in several
   * groups is the same sound in several qualities. Default: one group per codec and channel count.
   */
  readonly group?: string | undefined;
}

/** What only a text track has. */
export interface TextAttributes {
  /** BCP 47 tag; empty, `und` or malformed means unknown. */
  readonly language: string;
  /** What a menu shows; may be empty. */
  readonly label: string;
  /** Whether a player shows it when the viewer has no preference. */
  readonly isDefault: boolean;
  /** Whether it holds only what must be shown to everybody, such as translated signs. */
  readonly isForced: boolean;
}

/**
 * One stream: sound or pictures cut into CMAF segments `<name>/init.mp4` and `<name>/<n>.m4s`, n from 1, or text as one WebVTT file
 * `<name>.vtt`.
 */
export interface Track {
  /** Unique name and relative URL, for instance `video/h264-720p`: letters, digits, `.`, `_`, `-`, split by `/`. */
  readonly name: string;
  /** What it carries; the attributes of the same name must be there. */
  readonly kind: 'video' | 'audio' | 'text';
  /** RFC 6381 codec string, for instance `avc1.64001f`. */
  readonly codec: string;
  /** Ticks per second. */
  readonly timescale: number;
  /** Lengths of all segments in order, run-length encoded. Of a text track: one, as long as the presentation. */
  readonly segments: readonly SegmentRun[];
  /** Highest bitrate of any segment, bits per second. */
  readonly peakBandwidthBps: number;
  /** Mean bitrate, bits per second. */
  readonly averageBandwidthBps: number;
  /** Of video tracks. */
  readonly video?: VideoAttributes | undefined;
  /** Of audio tracks. */
  readonly audio?: AudioAttributes | undefined;
  /** Of text tracks. */
  readonly text?: TextAttributes | undefined;
}

/** Where in a media segment its first picture is: from the `moof` on to the end of the first sample. */
export interface ByteRange {
  /** Bytes before it, an integer from 0. */
  readonly offset: number;
  /** Length in bytes, an integer from 1. */
  readonly sizeBytes: number;
}

/** The first pictures of all segments of a video track, for fast scrubbing: `<track>/iframes.m3u8`. */
export interface IFrames {
  /** Name of the track that they are of. Where the presentation has no such track to play, they are left out. */
  readonly track: string;
  /** Highest size of a picture over the length of its segment, bits per second. */
  readonly peakBandwidthBps: number;
  /** Size of all pictures over the length of the track, bits per second. */
  readonly averageBandwidthBps: number;
}

/** Everything a viewer may choose from, on one timeline. */
export interface Presentation {
  /** Length of the longest track in milliseconds. */
  readonly durationMs: number;
  /** All tracks; those without segments are left out of manifests. */
  readonly tracks: readonly Track[];
  /** Absent: none. */
  readonly iframes?: IFrames | undefined;
  /**
   * The variant that is listed first, with which some players begin, is the best one that takes no more than this on average, bits
   * per second. Default 0: the smallest one.
   */
  readonly startBandwidthBps?: number | undefined;
}

/** Options of both playlists. */
export interface PlaylistOptions {
  /** Query (without `?`) put on every URI, for instance `token=…`. Characters that a URI does not allow are escaped. */
  readonly query?: string | undefined;
}

/** Options of the playlist of a track. */
export interface MediaPlaylistOptions extends PlaylistOptions {
  /** At least this as EXT-X-TARGETDURATION, in seconds: see `targetDurationSeconds`. Default: what the track itself needs. */
  readonly targetSeconds?: number | undefined;
  /** How its segments are encrypted. Default: not at all. */
  readonly encryption?: SegmentEncryption | undefined;
}

/**
 * Encryption of all segments of a playlist: as a whole, with the media sequence number as IV and a clear init segment; or by samples
 * (`cbcs`), with an init segment that says so itself.
 */
export interface SegmentEncryption {
  readonly method: 'AES-128' | 'SAMPLE-AES';
  /** The same key, for different systems. */
  readonly keys: readonly KeySource[];
}

/** Where a system gets the key. */
export interface KeySource {
  /** Absolute, or relative to the playlist. */
  readonly uri: string;
  /** KEYFORMAT. Default: `identity`, the 16 bytes of the key. */
  readonly keyFormat?: string | undefined;
  /** KEYFORMATVERSIONS. */
  readonly keyFormatVersions?: string | undefined;
  /** KEYID: 32 hexadecimal digits. */
  readonly keyId?: string | undefined;
}

/** More segments than any playlist of ours has: 20 days in segments of one second. */
const maxSegments = 2_000_000;

const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const codecPattern = /^[A-Za-z0-9-]{1,8}(\.[A-Za-z0-9._-]{1,64})?$/;

function requirePositive(track: Track, field: string, value: number | undefined): void {
  if (value === undefined || !Number.isSafeInteger(value) || value <= 0) {
    throw new RangeError(`Track ${track.name}: ${field} must be a whole number above 0, not ${value}.`);
  }
}

/** Throws a RangeError that names the field when a playlist of this track would be wrong or unsafe. */
export function validateTrack(track: Track): void {
  if (!namePattern.test(track.name) || track.name.length > 200) {
    throw new RangeError(`Track name ${JSON.stringify(track.name)} must be a plain relative path.`);
  }
  if (!codecPattern.test(track.codec)) {
    throw new RangeError(
      `Track ${track.name}: codec ${JSON.stringify(track.codec)} is not an RFC 6381 string.`,
    );
  }
  requirePositive(track, 'timescale', track.timescale);
  let count = 0;
  for (const run of track.segments) {
    if (!Number.isSafeInteger(run.count) || run.count < 0) {
      throw new RangeError(
        `Track ${track.name}: a segment count must be a whole number from 0, not ${run.count}.`,
      );
    }
    requirePositive(track, 'segment duration', run.duration);
    count += run.count;
  }
  if (count > maxSegments) {
    throw new RangeError(`Track ${track.name}: ${count} segments are more than ${maxSegments}.`);
  }
  if (track.kind === 'video') {
    requirePositive(track, 'video.width', track.video?.width);
    requirePositive(track, 'video.height', track.video?.height);
    requirePositive(track, 'video.frameRate.num', track.video?.frameRate.num);
    requirePositive(track, 'video.frameRate.den', track.video?.frameRate.den);
  } else if (track.kind === 'audio') {
    requirePositive(track, 'audio.sampleRate', track.audio?.sampleRate);
    requirePositive(track, 'audio.channels', track.audio?.channels);
  } else if (track.text === undefined) {
    throw new RangeError(`Track ${track.name}: a text track needs its text attributes.`);
  } else if (count > 1) {
    throw new RangeError(`Track ${track.name}: a text track is one file, not ${count} segments.`);
  }
}

/** The valid tracks of a presentation that have at least one segment; RangeError on a wrong one or a repeated name. */
export function playableTracks(presentation: Presentation): Track[] {
  const names = new Set<string>();
  for (const track of presentation.tracks) {
    validateTrack(track);
    if (names.has(track.name)) throw new RangeError(`Track name ${track.name} is used twice.`);
    names.add(track.name);
  }
  return presentation.tracks.filter((track) => track.segments.some((run) => run.count > 0));
}

/** Throws a RangeError when there are not the ranges that the first pictures of all segments of a track need. */
export function requireByteRanges(track: Track, ranges: readonly ByteRange[]): void {
  const count = track.segments.reduce((sum, run) => sum + run.count, 0);
  if (track.kind !== 'video') throw new RangeError(`Track ${track.name}: only video has pictures.`);
  if (ranges.length < count) {
    throw new RangeError(`Track ${track.name}: ${count} segments have ${ranges.length} byte ranges only.`);
  }
  for (const { offset, sizeBytes } of ranges) {
    requirePositive(track, 'sizeBytes of a range', sizeBytes);
    requirePositive(track, 'offset of a range + 1', offset + 1);
  }
}
