export { iframePlaylist, mediaPlaylist, targetDurationSeconds } from './media.ts';
export { multivariantPlaylist } from './multivariant.ts';
export type {
  AudioAttributes,
  ByteRange,
  IFrames,
  KeySource,
  MediaPlaylistOptions,
  PlaylistOptions,
  Presentation,
  SegmentEncryption,
  SegmentRun,
  TextAttributes,
  Track,
  VideoAttributes,
  VideoRange,
} from './presentation.ts';
