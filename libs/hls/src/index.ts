export { iframePlaylist, mediaPlaylist, targetDurationSeconds } from './media.ts';
export { multivariantPlaylist } from './multivariant.ts';
export type {
  AudioAttributes,
  ByteRange,
  IFrames,
  MediaPlaylistOptions,
  PlaylistOptions,
  Presentation,
  SegmentRun,
  TextAttributes,
  Track,
  VideoAttributes,
  VideoRange,
} from './presentation.ts';
