export { manifest } from './manifest.ts';
export type {
  AudioAttributes,
  ManifestOptions,
  Presentation,
  Protection,
  ProtectionSystem,
  SegmentRun,
  TextAttributes,
  Thumbnails,
  Track,
  VideoAttributes,
  VideoRange,
} from './presentation.ts';
