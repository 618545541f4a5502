/** Video codecs that can be made. */
export type VideoCodec = 'h264' | 'hevc' | 'vp9' | 'av1';
/** Audio codecs that can be made. */
export type AudioCodec = 'aac' | 'opus';

/** How hard the encoder tries, in x264's words; slower is smaller. */
export type EncoderPreset =
  | 'ultrafast'
  | 'superfast'
  | 'veryfast'
  | 'faster'
  | 'fast'
  | 'medium'
  | 'slow'
  | 'slower';

/** Families of encoders in hardware. */
export type HardwareFamily = 'nvenc' | 'qsv' | 'vaapi';
/** What encodes a rung: a program, or hardware where workers have it. */
export type VideoEncoder = 'software' | HardwareFamily;

/** What becomes of HDR: tone-mapped to SDR in 8 bits, or kept in 10 bits. SDR sources stay SDR. */
export type DynamicRange = 'sdr' | 'source';

/** One rung that a profile asks for. */
export interface Rendition {
  /** Name of the rung; by default codec and short side, like `h264-720p`. */
  readonly name?: string;
  /** Short side of the picture in pixels, so that portrait works. */
  readonly height: number;
  readonly codec: VideoCodec;
  /**
   * Constant rate factor, lower is better. Quality is constant and `maxBitrateBps` caps it. 0–51 and 23 by default for H.264,
   * 0–51 and 26 for HEVC, 0–63 and 36 for VP9, 0–63 and 40 for AV1.
   */
  readonly crf?: number;
  /**
   * With `crf`: what the rung is expected to take on average; 60 % of the maximum by default. Announced until it is measured.
   * Without: the mean that no stretch of a few segments exceeds, and that all but simple pictures use up.
   */
  readonly videoBitrateBps?: number;
  /** Highest rate of the video buffer model. */
  readonly maxBitrateBps: number;
  /** Highest frame rate; a faster source is divided by a whole number. */
  readonly frameRate?: number;
  /** `software` by default. */
  readonly encoder?: VideoEncoder;
  /** `sdr` by default; `source` is for HEVC and AV1. */
  readonly dynamicRange?: DynamicRange;
  /** Whether the source's own samples may be taken over where they are what the rung asks for; yes by default. */
  readonly remux?: boolean;
}

/** One audio rendition that a profile asks for; made for every audio stream of the source. */
export interface AudioRendition {
  readonly name?: string;
  readonly codec: AudioCodec;
  readonly bitrateBps: number;
  /**
   * Most channels. A source with fewer keeps its own, unless the profile has a rendition of the same codec with fewer channels, which
   * then is enough.
   */
  readonly channels: number;
}

/** Whether a look at the content may lower bitrates and leave rungs out. */
export type LadderMode = 'fixed' | 'per-title';

/** What sound is normalised to, after EBU R128: one gain for a whole stream. */
export interface LoudnessTarget {
  /** Integrated loudness. */
  readonly integratedLufs: number;
  /** Highest true peak, which limits the gain. */
  readonly truePeakDbtp: number;
}

/** One file to download. */
export type DownloadRendition =
  | {
      readonly format: 'mp4';
      /** Short side of the rung that is taken, or the next lower one; the highest H.264 rung by default. */
      readonly height?: number;
    }
  | { readonly format: 'm4a' }
  | { readonly format: 'mp3'; readonly bitrateBps: number };

/** Pictures and files beside the tracks. */
export interface ExtrasRequest {
  readonly poster: boolean;
  /** Small pictures along the whole duration. */
  readonly storyboard: boolean;
  /** Peaks of the sound. */
  readonly waveform: boolean;
  /** Text subtitles of the source as tracks. */
  readonly text: boolean;
  /** An index of single pictures for fast scrubbing. */
  readonly iframes: boolean;
  /** Whether encoded tracks are compared with the source. */
  readonly quality: boolean;
  readonly downloads: readonly DownloadRendition[];
}

/** What to make of a source. Plain data. */
export interface EncodingProfile {
  readonly name: string;
  readonly renditions: readonly Rendition[];
  readonly audio: readonly AudioRendition[];
  /** Length that segments aim at. */
  readonly segmentSeconds: number;
  /** Length that the first segment aims at, which is there the sooner the shorter it is; like the others by default. */
  readonly firstSegmentSeconds?: number;
  readonly preset: EncoderPreset;
  /** Highest frame rate of the grid; 60 by default. */
  readonly maxFrameRate?: number;
  /** `fixed` by default. */
  readonly ladderMode?: LadderMode;
  /** Absent: the loudness of the source is kept. */
  readonly loudness?: LoudnessTarget;
  /** `defaultExtras` by default. */
  readonly extras?: ExtrasRequest;
}

/** A poster, the text of the source, and what scrubbing needs. */
export const defaultExtras: ExtrasRequest = {
  poster: true,
  storyboard: false,
  waveform: false,
  text: true,
  iframes: true,
  quality: false,
  downloads: [],
};

/** Five H.264 rungs, stereo AAC, and 5.1 beside it where the source has it; quick enough for a laptop. */
export const defaultProfile: EncodingProfile = {
  name: 'default',
  renditions: [
    { height: 1080, codec: 'h264', crf: 22, videoBitrateBps: 3_600_000, maxBitrateBps: 6_000_000 },
    { height: 720, codec: 'h264', crf: 22, videoBitrateBps: 1_900_000, maxBitrateBps: 3_200_000 },
    { height: 480, codec: 'h264', crf: 23, videoBitrateBps: 900_000, maxBitrateBps: 1_500_000 },
    { height: 360, codec: 'h264', crf: 23, videoBitrateBps: 520_000, maxBitrateBps: 850_000 },
    { height: 240, codec: 'h264', crf: 24, videoBitrateBps: 240_000, maxBitrateBps: 400_000 },
  ],
  audio: [
    { codec: 'aac', bitrateBps: 128_000, channels: 2 },
    { codec: 'aac', bitrateBps: 384_000, channels: 6 },
  ],
  segmentSeconds: 4,
  firstSegmentSeconds: 1,
  preset: 'veryfast',
};
