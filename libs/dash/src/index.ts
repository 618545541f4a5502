export { manifest } from './manifest.ts';
export type {
  AudioAttributes,
  ManifestOptions,
  Presentation,
  SegmentRun,
  TextAttributes,
  Thumbnails,
  Track,
  VideoAttributes,
  VideoRange,
} from './presentation.ts';
