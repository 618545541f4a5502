import { create } from '@bufbuild/protobuf';
import {
  type Grid as GridMessage,
  GridSchema,
  type SourceInfo as SourceInfoMessage,
  SourceInfoSchema,
  type Track,
  TrackKind,
  TrackSchema,
} from '@kerkis/contracts/media';
import {
  type AudioRung,
  audioGrid,
  audioSegmentRuns,
  firstVideoFrame,
  type Grid,
  type MediaPlan,
  type RemuxRung,
  type SegmentRun,
  type SourceInfo,
  type VideoRung,
  videoSegmentRuns,
} from '@kerkis/media';

/** Name of a video track, e.g. `video/h264-720p`. */
export const videoTrackName = ({ name }: Pick<VideoRung, 'name'>): string => `video/${name}`;
/** Name of an audio track, e.g. `audio/aac-eng-128k`. */
export const audioTrackName = ({ name }: Pick<AudioRung, 'name'>): string => `audio/${name}`;

const toRuns = (runs: readonly SegmentRun[]) =>
  runs.map(({ count, duration }) => ({ count, duration: BigInt(duration) }));

/** All tracks of a plan, with planned bitrates. */
export function plannedTracks({ grid, ladder }: MediaPlan): Track[] {
  return [
    ...(ladder.remux ? [remuxedTrack(ladder.remux)] : []),
    ...ladder.video.map((rung) => videoTrack(grid, rung)),
    ...ladder.audio.map((rung) => audioTrack(grid, rung)),
  ];
}

function remuxedTrack(rung: RemuxRung): Track {
  const { width, height, frameRate, frameCount } = rung;
  return create(TrackSchema, {
    name: videoTrackName(rung),
    kind: TrackKind.VIDEO,
    codec: rung.codecs,
    timescale: rung.timescale,
    segments: toRuns(rung.segments),
    peakBandwidthBps: BigInt(rung.peakBitrateBps),
    averageBandwidthBps: BigInt(rung.averageBitrateBps),
    remuxed: true,
    video: { width, height, frameRate, frameCount: BigInt(frameCount) },
  });
}

function videoTrack(grid: Grid, rung: VideoRung): Track {
  const { width, height, frameRate, frameRateDivisor } = rung;
  return create(TrackSchema, {
    name: videoTrackName(rung),
    kind: TrackKind.VIDEO,
    codec: rung.codecs,
    timescale: grid.video?.timescale ?? 0,
    segments: toRuns(videoSegmentRuns(grid, frameRateDivisor)),
    peakBandwidthBps: BigInt(rung.peakBitrateBps),
    averageBandwidthBps: BigInt(rung.averageBitrateBps),
    video: {
      width,
      height,
      frameRate,
      frameCount: BigInt(firstVideoFrame(grid, grid.segmentCount, frameRateDivisor)),
      videoRange: rung.videoRange,
    },
  });
}

function audioTrack(grid: Grid, rung: AudioRung): Track {
  const { sampleRate, samplesPerFrame, frameCount } = audioGrid(grid, rung.codec);
  return create(TrackSchema, {
    name: audioTrackName(rung),
    kind: TrackKind.AUDIO,
    codec: rung.codecs,
    timescale: sampleRate,
    segments: toRuns(audioSegmentRuns(grid, rung.codec)),
    peakBandwidthBps: BigInt(rung.peakBitrateBps),
    averageBandwidthBps: BigInt(rung.averageBitrateBps),
    audio: {
      sampleRate,
      channels: rung.channels,
      language: rung.language ?? 'und',
      label: rung.title ?? '',
      isDefault: rung.isDefault,
      group: rung.group,
      sampleCount: BigInt(frameCount * samplesPerFrame),
    },
  });
}

/** The grid as the API shows it. */
export function gridMessage({ grid }: MediaPlan): GridMessage {
  const { video, audio, opus, segmentCount } = grid;
  const seconds = Math.max(
    video ? (video.frameCount * video.ticksPerFrame) / video.timescale : 0,
    ...[audio, opus].map((sound) =>
      sound ? (sound.frameCount * sound.samplesPerFrame) / sound.sampleRate : 0,
    ),
  );
  return create(GridSchema, {
    segmentCount,
    durationMs: BigInt(Math.ceil(seconds * 1000 - 1e-6)),
    ...(video && {
      frameRate: video.frameRate,
      framesPerSegment: video.framesPerSegment,
      frameCount: BigInt(video.frameCount),
      timescale: video.timescale,
    }),
  });
}

/** What the probe found as the API shows it. */
export function sourceInfoMessage(source: SourceInfo): SourceInfoMessage {
  const { video } = source;
  return create(SourceInfoSchema, {
    container: source.container,
    durationMs: BigInt(source.durationMs),
    sizeBytes: BigInt(source.sizeBytes),
    audios: source.audios.map(({ codec, sampleRate, channels, language, title }) => ({
      codec,
      sampleRate,
      channels,
      language: language ?? 'und',
      title: title ?? '',
    })),
    ...(video && {
      video: {
        codec: video.codec,
        // With samples that are not square they are no whole numbers.
        width: Math.round(video.displayWidth),
        height: Math.round(video.displayHeight),
        frameRate: video.frameRate,
        variableFrameRate: video.isVariableFrameRate,
        rotation: video.rotation,
        pixelFormat: video.pixelFormat,
        hdr: video.hdr ?? '',
        interlaced: video.isInterlaced,
      },
    }),
  });
}
