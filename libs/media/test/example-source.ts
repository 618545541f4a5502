import type { AudioSource, SourceInfo, VideoSource } from '../src/index.ts';

/** A 1080p film of ten seconds, progressive SDR. */
const exampleVideo: VideoSource = {
  index: 0,
  codec: 'h264',
  width: 1920,
  height: 1080,
  sampleAspectRatio: { num: 1, den: 1 },
  rotation: 0,
  isMirrored: false,
  displayWidth: 1920,
  displayHeight: 1080,
  frameRate: { num: 25, den: 1 },
  isVariableFrameRate: false,
  pixelFormat: 'yuv420p',
  bitDepth: 8,
  colour: {},
  isInterlaced: false,
  timeBase: { num: 1, den: 12_800 },
  startSeconds: 0,
  endSeconds: 10,
  lastFrameSeconds: 9.96,
  packetCount: 250,
  maxKeyframeIntervalSeconds: 2,
};

/** Its stereo sound. */
export const exampleAudio: AudioSource = {
  index: 1,
  codec: 'aac',
  sampleRate: 48_000,
  channels: 2,
  timeBase: { num: 1, den: 48_000 },
  startSeconds: 0,
  endSeconds: 10,
  packetCount: 469,
  isDefault: true,
};

/** A source of `durationSeconds` with the given streams; `undefined` leaves one out. */
export function exampleSource(
  durationSeconds = 10,
  video: Partial<VideoSource> | undefined = {},
  audio: Partial<AudioSource> | undefined = {},
): SourceInfo {
  return {
    container: 'mov',
    sizeBytes: 1_000_000,
    durationSeconds,
    durationMs: Math.round(durationSeconds * 1000),
    timeline: { startSeconds: 0, gaps: [] },
    ...(video === undefined ? {} : { video: { ...exampleVideo, ...video } }),
    audios: audio === undefined ? [] : [{ ...exampleAudio, ...audio }],
    subtitles: [],
    chapters: [],
    warnings: [],
  };
}

/** The same without picture. */
export function exampleSound(durationSeconds: number, sampleRate: number): SourceInfo {
  const { video: _, ...sound } = exampleSource(durationSeconds, {}, { sampleRate });
  return sound;
}

/** The same without sound. */
export function silentSource(durationSeconds: number, video: Partial<VideoSource>): SourceInfo {
  return { ...exampleSource(durationSeconds, video), audios: [] };
}
