export { type FitReason, type FittedLadder, fitLadder } from './analysis/fit-ladder.ts';
export type { MeanScore } from './analysis/frame-scores.ts';
export {
  type ContentLook,
  type LookAtSize,
  type LookOptions,
  type LookPoint,
  type LookSample,
  lookAtContent,
} from './analysis/look-at-content.ts';
export {
  type MeasureOptions,
  measureQuality,
  type RungQuality,
  type StoredTrack,
  sampleSegments,
} from './analysis/measure-quality.ts';
export { type ArrivalNeeds, readySeconds } from './arriving/arrival-needs.ts';
export { type ArrivedBytes, type ArrivingSource, probeArriving } from './arriving/probe-arriving.ts';
export { unitFingerprint } from './arriving/unit-fingerprint.ts';
export { type AacTrack, aacInit } from './cmaf/aac-init.ts';
export { type AudioTrackLayout, audioSegments } from './cmaf/audio-segments.ts';
export { defaultMaxBoxBytes } from './cmaf/box-splitter.ts';
export { mediaSegment, type Sample, type SegmentLayout } from './cmaf/media-segment.ts';
export { type OpusTrack, opusInit } from './cmaf/opus-init.ts';
export { type TrackPart, type VideoTrackLayout, videoSegments } from './cmaf/video-segments.ts';
export { audioUnitArgs } from './encode/audio-args.ts';
export { type EncodedPart, type EncodeOptions, encodeUnit } from './encode/encode-unit.ts';
export { type FindHardwareOptions, findHardware } from './encode/find-hardware.ts';
export { type Hardware, missingHardware, noHardware } from './encode/hardware.ts';
export type { AudioUnit, EncodeUnit, RemuxUnit, VideoUnit } from './encode/unit.ts';
export { type EncodeSettings, videoUnitArgs } from './encode/video-args.ts';
export {
  type DownloadFile,
  type DownloadOptions,
  type DownloadTracks,
  makeDownload,
} from './extras/download.ts';
export { type ExtractedText, extractText, extractTexts, textArgs } from './extras/extract-text.ts';
export { type IFrameIndex, indexIFrames, type PictureRange } from './extras/iframe-index.ts';
export {
  type LoudnessRequest,
  loudnessArgs,
  loudnessGainDb,
  type MeasuredLoudness,
  measureLoudness,
} from './extras/loudness.ts';
export { type Mp3Request, makeMp3, mp3Args } from './extras/mp3.ts';
export { makePoster, type PosterOptions, posterArgs } from './extras/poster.ts';
export type { ExtraOptions } from './extras/run.ts';
export type { SegmentedTrack } from './extras/segmented-track.ts';
export {
  planStoryboard,
  type Storyboard,
  type StoryboardOptions,
  spriteCount,
  storyboardVtt,
} from './extras/storyboard.ts';
export { makeStoryboard, type SpriteOptions, spriteArgs } from './extras/storyboard-sprites.ts';
export { type TextTrackPlan, type TextTracks, textTracks } from './extras/text-tracks.ts';
export { makeThumbnail, type ThumbnailOptions, thumbnailArgs } from './extras/thumbnail.ts';
export {
  makeWaveform,
  type Waveform,
  type WaveformRequest,
  waveformArgs,
} from './extras/waveform.ts';
export type { AudioRung } from './plan/audio-rungs.ts';
export { capFrameRate, nearestStandardRate, snapFrameRate } from './plan/frame-rate.ts';
export {
  type AudioGrid,
  audioGrid,
  audioSegmentRuns,
  firstAudioFrame,
  firstVideoFrame,
  type Grid,
  type GridOptions,
  oddSegments,
  planGrid,
  type SegmentRun,
  type VideoGrid,
  videoSegmentRuns,
} from './plan/grid.ts';
export { type H264Load, type H264Profile, h264CodecString, h264Level } from './plan/h264-level.ts';
export {
  type HardwareEncoder,
  hardwareEncoderOf,
  hardwareEncoders,
  resolveEncoder,
} from './plan/hardware.ts';
export { type Ladder, planLadder, type VideoRange, type VideoRung } from './plan/ladder.ts';
export { type MediaPlan, type PlanOptions, planMedia } from './plan/media-plan.ts';
export {
  type AudioCodec,
  type AudioRendition,
  type DownloadRendition,
  type DynamicRange,
  defaultExtras,
  defaultProfile,
  type EncoderPreset,
  type EncodingProfile,
  type ExtrasRequest,
  type HardwareFamily,
  type LadderMode,
  type LoudnessTarget,
  type Rendition,
  type VideoCodec,
  type VideoEncoder,
} from './plan/profile.ts';
export { type RungSegments, rungSegments } from './plan/rung-segments.ts';
export { defaultSourceLimits, type SourceLimits } from './probe/limits.ts';
export { type ProbeOptions, probeSource } from './probe/probe-source.ts';
export { sniffContainer } from './probe/sniff.ts';
export type {
  AttachedPicture,
  AudioSource,
  Chapter,
  Colour,
  Container,
  ContentLight,
  CopyableVideo,
  FieldOrder,
  HdrMetadata,
  HdrTransfer,
  MasteringDisplay,
  Rotation,
  SourceInfo,
  StreamTiming,
  SubtitleSource,
  Timeline,
  TimelineGap,
  VideoSource,
} from './probe/source-info.ts';
export { toPresentationSeconds, toSourceSeconds } from './probe/source-info.ts';
export { defaultProcessLimits, type ProcessLimits } from './process/confine.ts';
export {
  type FfmpegOptions,
  type FfmpegProgress,
  type RunningFfmpeg,
  startFfmpeg,
} from './process/run-ffmpeg.ts';
export { type LocateOptions, locateMediaTools, type MediaTools } from './process/tools.ts';
export { formatRational, parseRational, type Rational, rational, toNumber } from './rational.ts';
export type { RemuxRung } from './remux/plan-remux.ts';
export { createRemuxSources, type RemuxSource, type RemuxSources } from './remux/remux-sources.ts';
export { fetchedBytes, type SourceBytes, type SourceParts } from './source/source-bytes.ts';
export { mapSource, type SourceMap } from './source/source-map.ts';
