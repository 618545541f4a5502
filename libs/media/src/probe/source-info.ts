import type { Rational } from '../rational.ts';

/** Demuxers a source may be read with: the names that ffmpeg takes after `-f`. */
export type Container =
  | 'mov'
  | 'matroska'
  | 'mpegts'
  | 'mpeg'
  | 'mpegvideo'
  | 'avi'
  | 'flv'
  | 'asf'
  | 'mxf'
  | 'ivf'
  | 'dv'
  | 'ogg'
  | 'mp3'
  | 'aac'
  | 'flac'
  | 'wav'
  | 'w64'
  | 'aiff'
  | 'caf'
  | 'au'
  | 'amr'
  | 'ac3'
  | 'eac3'
  | 'dts'
  | 'wv'
  | 'ape'
  | 'tta';

/** A stretch without a single packet of any stream, cut out of the presentation. */
export interface TimelineGap {
  /** Source time at which the first packet after the gap starts, in seconds. */
  readonly endSeconds: number;
  /** How much later it comes than it should, in seconds; this much is cut out. */
  readonly seconds: number;
}

/** How source time stamps map to presentation time: subtract `startSeconds`, then every gap that lies before. */
export interface Timeline {
  /** Source time stamp of presentation time zero: the earliest of the first video and audio, in seconds. */
  readonly startSeconds: number;
  readonly gaps: readonly TimelineGap[];
}

/** What a stream's packets say about its time, in seconds of source time stamps. */
export interface StreamTiming {
  /** Seconds per tick of the stream's time stamps. */
  readonly timeBase: Rational;
  /** When the first presented frame starts. */
  readonly startSeconds: number;
  /** When the last presented frame ends. */
  readonly endSeconds: number;
  /** Presented packets; for video also the number of frames, as near as it can be known without decoding. */
  readonly packetCount: number;
}

/** Clockwise quarter turns that a player must apply, in degrees. */
export type Rotation = 0 | 90 | 180 | 270;

/** Which field of a picture was captured first. */
export type FieldOrder = 'tff' | 'bff';

/** High dynamic range transfer: SMPTE ST 2084 or ARIB STD-B67. */
export type HdrTransfer = 'pq' | 'hlg';

/** What the pictures were graded on, and how bright they get; SMPTE ST 2086 and CTA-861.3. */
export interface HdrMetadata {
  readonly masteringDisplay?: MasteringDisplay;
  readonly contentLight?: ContentLight;
}

/** Chromaticities of the CIE 1931 diagram, x and y in steps of 0.00002; luminances in steps of 0.0001 cd/m². */
export interface MasteringDisplay {
  readonly red: readonly [x: number, y: number];
  readonly green: readonly [x: number, y: number];
  readonly blue: readonly [x: number, y: number];
  readonly whitePoint: readonly [x: number, y: number];
  readonly maxLuminance: number;
  readonly minLuminance: number;
}

/** In cd/m². */
export interface ContentLight {
  readonly maxCll: number;
  readonly maxFall: number;
}

/** ffmpeg's names of the colour description; a part that the source does not say is undefined. */
export interface Colour {
  readonly primaries?: string;
  readonly transfer?: string;
  readonly space?: string;
  readonly range?: 'tv' | 'pc';
}

/** The one video stream that is encoded. */
export interface VideoSource extends StreamTiming {
  /** Stream index in the file, as ffmpeg's `-map 0:<index>` takes it. */
  readonly index: number;
  readonly codec: string;
  readonly profile?: string;
  /** Size of the coded picture in pixels. */
  readonly width: number;
  readonly height: number;
  /** Shape of one sample, width : height. */
  readonly sampleAspectRatio: Rational;
  readonly rotation: Rotation;
  /** Whether the picture is also flipped left to right. */
  readonly isMirrored: boolean;
  /** Size to show, in square pixels, after sample aspect ratio and rotation; not rounded to even numbers. */
  readonly displayWidth: number;
  readonly displayHeight: number;
  /** Frames per second: snapped to a standard rate within 0.1 %, conformed when the source is variable. */
  readonly frameRate: Rational;
  readonly isVariableFrameRate: boolean;
  readonly pixelFormat: string;
  readonly bitDepth: number;
  readonly colour: Colour;
  readonly hdr?: HdrTransfer;
  /** As far as an HDR source tells it. */
  readonly hdrMetadata?: HdrMetadata;
  readonly isInterlaced: boolean;
  /** Found by looking, where the file does not tell its interlaced pictures from others. */
  readonly fieldOrder?: FieldOrder;
  /** Source time stamp of the last frame, in seconds. */
  readonly lastFrameSeconds: number;
  /** Longest stretch between two keyframes, in seconds: what a seek without an index may have to decode. */
  readonly maxKeyframeIntervalSeconds: number;
  /** How the stream is cut, where it could be published as it is. `planMedia` leaves it out of plans. */
  readonly copyable?: CopyableVideo;
}

/** A stream of H.264 that players decode as it is, in closed groups of pictures, each of which starts with an IDR picture. */
export interface CopyableVideo {
  /** Number of the track in the file. */
  readonly trackId: number;
  /** RFC 6381: `avc1.64001f`. */
  readonly codecs: string;
  /** Ticks per second of what follows. */
  readonly timescale: number;
  /** Source time stamp of the first frame. */
  readonly firstTicks: number;
  /** How far decoding must be ahead of presentation. */
  readonly reorderTicks: number;
  readonly frameCount: number;
  /** When each group of pictures starts, counted from the first frame. */
  readonly gopTicks: readonly number[];
  /** What each takes. */
  readonly gopBytes: readonly number[];
}

/** One audio stream. */
export interface AudioSource extends StreamTiming {
  readonly index: number;
  readonly codec: string;
  readonly profile?: string;
  readonly sampleRate: number;
  readonly channels: number;
  readonly channelLayout?: string;
  /** ISO 639-2 code, lower case; undefined when the source says nothing or `und`. */
  readonly language?: string;
  readonly title?: string;
  readonly isDefault: boolean;
}

/** One subtitle stream. */
export interface SubtitleSource {
  readonly index: number;
  readonly codec: string;
  readonly language?: string;
  readonly title?: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  /** Whether it is text (and not pictures), so that WebVTT can be made from it. */
  readonly isText: boolean;
}

/** Cover art. */
export interface AttachedPicture {
  readonly index: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
}

/** A named point of the presentation. */
export interface Chapter {
  readonly startMs: number;
  readonly endMs: number;
  readonly title?: string;
}

/** Everything the planner needs to know about a source. Plain data: survives JSON. */
export interface SourceInfo {
  /** The demuxer to force, found by looking at the content. */
  readonly container: Container;
  readonly sizeBytes: number;
  /** Length of the presentation: from the start of the first to the end of the last frame, gaps cut out. Exact. */
  readonly durationSeconds: number;
  /** The same in whole milliseconds, at least 1. */
  readonly durationMs: number;
  readonly timeline: Timeline;
  readonly video?: VideoSource;
  readonly audios: readonly AudioSource[];
  readonly subtitles: readonly SubtitleSource[];
  readonly attachedPicture?: AttachedPicture;
  readonly chapters: readonly Chapter[];
  /** What is wrong with the source but does not stop it, for a person. */
  readonly warnings: readonly string[];
}

/** Source time stamp in seconds of a presentation time in seconds. */
export function toSourceSeconds(timeline: Timeline, presentationSeconds: number): number {
  let seconds = timeline.startSeconds + presentationSeconds;
  for (const gap of timeline.gaps) {
    if (seconds < gap.endSeconds - gap.seconds) break;
    seconds += gap.seconds;
  }
  return seconds;
}

/** Presentation time in seconds of a source time stamp in seconds; inside a gap, the moment at which it is cut. */
export function toPresentationSeconds(timeline: Timeline, sourceSeconds: number): number {
  let removed = 0;
  for (const gap of timeline.gaps) {
    if (sourceSeconds < gap.endSeconds - gap.seconds) break;
    removed += Math.min(gap.seconds, sourceSeconds - (gap.endSeconds - gap.seconds));
  }
  return sourceSeconds - timeline.startSeconds - removed;
}
