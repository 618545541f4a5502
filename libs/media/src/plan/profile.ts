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
  /** What the rung is expected to take on average; 60 % of the maximum by default. Announced until it is measured. */
  readonly videoBitrateBps?: number;
  /** Highest rate of the video buffer model. */
  readonly maxBitrateBps: number;
  /** Highest frame rate; a faster source is divided by a whole number. */
  readonly frameRate?: number;
}

/** One audio rendition that a profile asks for; made for every audio stream of the source. */
export interface AudioRendition {
  readonly name?: string;
  readonly codec: AudioCodec;
  readonly bitrateBps: number;
  /** Most channels; a source with fewer keeps its own. */
  readonly channels: number;
}

/** What to make of a source. Plain data. */
export interface EncodingProfile {
  readonly name: string;
  readonly renditions: readonly Rendition[];
  readonly audio: readonly AudioRendition[];
  /** Length that segments aim at. */
  readonly segmentSeconds: number;
  readonly preset: EncoderPreset;
  /** Highest frame rate of the grid; 60 by default. */
  readonly maxFrameRate?: number;
}

/** Five H.264 rungs and stereo AAC, quick enough for a laptop. */
export const defaultProfile: EncodingProfile = {
  name: 'default',
  renditions: [
    { height: 1080, codec: 'h264', crf: 22, videoBitrateBps: 3_600_000, maxBitrateBps: 6_000_000 },
    { height: 720, codec: 'h264', crf: 22, videoBitrateBps: 1_900_000, maxBitrateBps: 3_200_000 },
    { height: 480, codec: 'h264', crf: 23, videoBitrateBps: 900_000, maxBitrateBps: 1_500_000 },
    { height: 360, codec: 'h264', crf: 23, videoBitrateBps: 520_000, maxBitrateBps: 850_000 },
    { height: 240, codec: 'h264', crf: 24, videoBitrateBps: 240_000, maxBitrateBps: 400_000 },
  ],
  audio: [{ codec: 'aac', bitrateBps: 128_000, channels: 2 }],
  segmentSeconds: 4,
  preset: 'veryfast',
};
