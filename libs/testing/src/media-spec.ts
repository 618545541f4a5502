/** Picture of generated media. */
export interface VideoSpec {
  /** Pixels; portrait is a height above the width. Default 320. */
  readonly width?: number;
  /** Pixels. Default 180. */
  readonly height?: number;
  /** Frames a second, as a rational number. Default `30`. */
  readonly fps?: string;
  /** ffmpeg's encoder. Default: `libx264`, in WebM `libvpx-vp9`. */
  readonly encoder?: string;
  /** ffmpeg's pixel format. Default `yuv420p`. */
  readonly pixelFormat?: string;
  /** Frames from one keyframe to the next. Default 30. */
  readonly gopFrames?: number;
  /** Degrees that a player turns the picture clockwise; only in MP4 and MOV. */
  readonly rotation?: 90 | 180 | 270;
  /** Leaves out frames at uneven distances and keeps the times of the others. */
  readonly variableFrameRate?: boolean;
}

/** Sound of generated media: a sine of another pitch in each channel. */
export interface AudioSpec {
  /** Default `stereo`. */
  readonly channels?: 'mono' | 'stereo' | '5.1';
  /** Hz. Default 48000. */
  readonly sampleRate?: number;
  /** Digital silence instead of tones. */
  readonly silent?: boolean;
  /** ffmpeg's encoder. Default: what the container usually holds. */
  readonly encoder?: string;
  /** Length where it differs from the picture's. */
  readonly seconds?: number;
}

/** What `makeMedia` makes. */
export interface MediaSpec {
  readonly seconds: number;
  /** `false`: audio only. Default: a moving test picture with the frame number in it. */
  readonly video?: VideoSpec | false;
  /** `false`: no sound. Default: stereo. */
  readonly audio?: AudioSpec | false;
  /** File extension that tells ffmpeg the container. Default `mp4`. */
  readonly container?: Container;
  /** Adds a cover picture to what is audio only. */
  readonly cover?: boolean;
  /** More ffmpeg options for the output, for what this has no words for. */
  readonly outputOptions?: readonly string[];
}

/** File extension of a container. */
export type Container =
  | 'mp4'
  | 'mov'
  | 'mkv'
  | 'webm'
  | 'ts'
  | 'avi'
  | 'm4a'
  | 'mp3'
  | 'flac'
  | 'ogg'
  | 'opus'
  | 'wav';

const audioEncoders: Partial<Record<Container, string>> = {
  webm: 'libopus',
  opus: 'libopus',
  ogg: 'libvorbis',
  mp3: 'libmp3lame',
  flac: 'flac',
  wav: 'pcm_s16le',
};

const pitchesHz = { mono: [440], stereo: [440, 660], '5.1': [440, 660, 550, 110, 770, 880] };

/** ffmpeg's arguments, without the name of the output. */
export function mediaArguments(spec: MediaSpec): string[] {
  const { seconds, container = 'mp4', video = {}, audio = {}, cover = false, outputOptions = [] } = spec;
  const inputs: string[] = [];
  const outputs: string[] = [];
  if (video) {
    inputs.push('-f', 'lavfi', '-i', pictureSource(video, seconds));
    outputs.push(...videoOptions(video, container));
  }
  if (audio) {
    inputs.push('-f', 'lavfi', '-i', soundSource(audio, seconds));
    outputs.push('-c:a', audio.encoder ?? audioEncoders[container] ?? 'aac');
  }
  if (cover) {
    inputs.push('-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=1:duration=1');
    outputs.push('-map', '0:a', '-map', '1:v', '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p');
    outputs.push('-frames:v', '1', '-disposition:v', 'attached_pic');
  }
  return [...inputs, ...outputs, '-fflags', '+bitexact', '-flags', '+bitexact', ...outputOptions];
}

/**
 * ffmpeg's arguments that copy a file and mark its picture as to be turned clockwise. ffmpeg 5 does not mark it while it
 * encodes, and takes the number as counterclockwise.
 */
export function rotationArguments(path: string, degrees: number): string[] {
  return [
    '-i',
    path,
    '-map',
    '0',
    '-c',
    'copy',
    '-metadata:s:v:0',
    `rotate=${360 - degrees}`,
    '-fflags',
    '+bitexact',
  ];
}

function pictureSource(video: VideoSpec, seconds: number): string {
  const { width = 320, height = 180, fps = '30', variableFrameRate } = video;
  const source = `testsrc2=size=${width}x${height}:rate=${fps}:duration=${seconds}`;
  return variableFrameRate ? `${source},select='not(eq(mod(n,7),3))*not(eq(mod(n,11),5))'` : source;
}

function videoOptions(video: VideoSpec, container: Container): string[] {
  const encoder = video.encoder ?? (container === 'webm' ? 'libvpx-vp9' : 'libx264');
  const options = [
    '-c:v',
    encoder,
    '-pix_fmt',
    video.pixelFormat ?? 'yuv420p',
    '-g',
    `${video.gopFrames ?? 30}`,
  ];
  if (encoder === 'libx264' || encoder === 'libx265') options.push('-preset', 'ultrafast');
  if (encoder.startsWith('libvpx')) options.push('-deadline', 'realtime', '-cpu-used', '8');
  if (video.variableFrameRate) options.push('-fps_mode', 'vfr');
  return options;
}

function soundSource(audio: AudioSpec, pictureSeconds: number): string {
  const { channels = 'stereo', sampleRate = 48_000, silent = false, seconds = pictureSeconds } = audio;
  const tones = pitchesHz[channels].map((pitch) => (silent ? '0' : `sin(2*PI*${pitch}*t)/4`));
  return `aevalsrc=${tones.join('|')}:channel_layout=${channels}:sample_rate=${sampleRate}:duration=${seconds}`;
}
