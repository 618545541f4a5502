export { mediaPlaylist } from './media.ts';
export { multivariantPlaylist } from './multivariant.ts';
export type {
  AudioAttributes,
  PlaylistOptions,
  Presentation,
  SegmentRun,
  TextAttributes,
  Track,
  VideoAttributes,
  VideoRange,
} from './presentation.ts';
