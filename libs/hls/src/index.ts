export { mediaPlaylist, targetDurationSeconds } from './media.ts';
export { multivariantPlaylist } from './multivariant.ts';
export type {
  AudioAttributes,
  MediaPlaylistOptions,
  PlaylistOptions,
  Presentation,
  SegmentRun,
  TextAttributes,
  Track,
  VideoAttributes,
  VideoRange,
} from './presentation.ts';
