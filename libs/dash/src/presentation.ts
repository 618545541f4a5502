/** A run of consecutive segments of equal length. */
export interface SegmentRun {
  /** How many segments, an integer from 0. */
  readonly count: number;
  /** Length of each in ticks of the track's timescale, an integer from 1. */
  readonly duration: number;
}

/** Luminance range of a picture, told apart because a player must be able to show it. */
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

/** Small pictures along the whole duration in sprites of equal size: tiles from left to right and from top to bottom. */
export interface Thumbnails {
  /** URL of a sprite relative to the manifest with `$Number$` once, counted from 1: `storyboard-$Number$.jpg`. A plain path. */
  readonly media: string;
  /** Milliseconds from one picture to the next. */
  readonly intervalMs: number;
  /** Width of one picture in pixels. */
  readonly tileWidth: number;
  /** Height of one picture in pixels. */
  readonly tileHeight: number;
  /** Pictures in a row of a sprite. */
  readonly columns: number;
  /** Rows of a sprite. */
  readonly rows: number;
}

/** Everything a viewer may choose from, on one timeline. */
export interface Presentation {
  /** Length of the longest track in milliseconds. */
  readonly durationMs: number;
  /** All tracks; those without segments are left out of manifests. */
  readonly tracks: readonly Track[];
  /** Absent: none. */
  readonly thumbnails?: Thumbnails | undefined;
}

/** Options of the manifest. */
export interface ManifestOptions {
  /** Query (without `?`) put on every URL, for instance `token=…`. Characters that a URL does not allow are escaped. */
  readonly query?: string | undefined;
  /** How the tracks of a kind are encrypted. Default: not at all. */
  readonly protectionOf?: ((kind: 'video' | 'audio') => Protection) | undefined;
}

/** Common encryption of tracks with one key. */
export interface Protection {
  readonly scheme: 'cbcs';
  /** A UUID with dashes. */
  readonly keyId: string;
  readonly systems: readonly ProtectionSystem[];
}

/** A system that players may get the key by. */
export interface ProtectionSystem {
  /** A UUID with dashes. */
  readonly systemId: string;
  /** For people, except `ClearKey1.0`, which players look for. */
  readonly name?: string | undefined;
  /** Absolute URL of the licences. */
  readonly licenseUrl?: string | undefined;
  /** A `pssh` box in base64. */
  readonly pssh?: string | undefined;
}

/** More segments than any manifest of ours has: 20 days in segments of one second. */
const maxSegments = 2_000_000;

const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const codecPattern = /^[A-Za-z0-9-]{1,8}(\.[A-Za-z0-9._-]{1,64})?$/;

function requirePositive(track: Track, field: string, value: number | undefined): void {
  if (value === undefined || !Number.isSafeInteger(value) || value <= 0) {
    throw new RangeError(`Track ${track.name}: ${field} must be a whole number above 0, not ${value}.`);
  }
}

/** Throws a RangeError that names the field of thumbnails that cannot be written. */
export function validateThumbnails({ media, ...numbers }: Thumbnails): void {
  if (!/^[A-Za-z0-9_-]+\$Number\$\.[a-z]+$/.test(media)) {
    throw new RangeError(
      `thumbnails.media must be a plain path with $Number$, not ${JSON.stringify(media)}.`,
    );
  }
  for (const [field, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value <= 0) {
      throw new RangeError(`thumbnails.${field} must be a whole number above 0, not ${value}.`);
    }
  }
}

/** Throws a RangeError that names the field when a manifest with this track would be wrong or unsafe. */
function validateTrack(track: Track): void {
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
