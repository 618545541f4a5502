import { create } from '@bufbuild/protobuf';
import { defaultAudioBitrateBps, type KerkisConfig } from '@kerkis/config';
import {
  AudioCodec,
  DownloadFormat,
  DynamicRange,
  LadderMode,
  type Profile,
  ProfileSchema,
  VideoCodec,
  VideoEncoder,
} from '@kerkis/contracts/media';

const videoCodecs = {
  h264: VideoCodec.H264,
  hevc: VideoCodec.HEVC,
  vp9: VideoCodec.VP9,
  av1: VideoCodec.AV1,
} as const;
const audioCodecs = { aac: AudioCodec.AAC, opus: AudioCodec.OPUS } as const;
const encoders = {
  software: VideoEncoder.SOFTWARE,
  nvenc: VideoEncoder.NVENC,
  qsv: VideoEncoder.QSV,
  vaapi: VideoEncoder.VAAPI,
} as const;
const dynamicRanges = { sdr: DynamicRange.SDR, source: DynamicRange.SOURCE } as const;
const ladderModes = { fixed: LadderMode.FIXED, 'per-title': LadderMode.PER_TITLE } as const;
const downloadFormats = {
  mp4: DownloadFormat.MP4,
  m4a: DownloadFormat.M4A,
  mp3: DownloadFormat.MP3,
} as const;

/** The profiles of the configuration as the API shows them. */
export function configuredProfiles(profiles: KerkisConfig['profiles']): ReadonlyMap<string, Profile> {
  return new Map(
    Object.entries(profiles).map(([name, profile]) => [name, toMessage(name, profile)] as const),
  );
}

function toMessage(name: string, profile: KerkisConfig['profiles'][string]): Profile {
  return create(ProfileSchema, {
    name,
    builtIn: true,
    segmentMs: Math.round(profile.segmentSeconds * 1000),
    firstSegmentMs: Math.round(profile.firstSegmentSeconds * 1000),
    preset: profile.preset,
    renditions: profile.renditions.map((rendition) => ({
      name: rendition.name ?? '',
      shortSide: rendition.shortSide,
      codec: videoCodecs[rendition.codec],
      crf: rendition.crf ?? 0,
      bitrateBps: BigInt(rendition.bitrateBps ?? 0),
      maxBitrateBps: BigInt(rendition.maxBitrateBps ?? 0),
      ...(rendition.frameRate !== undefined && { maxFrameRate: rational(rendition.frameRate) }),
      encoder: encoders[rendition.encoder],
      dynamicRange: dynamicRanges[rendition.dynamicRange],
      noRemux: !rendition.remux,
    })),
    audios: profile.audio.map(({ name: own, codec, bitrateBps, channels }) => ({
      name: own ?? '',
      codec: audioCodecs[codec],
      bitrateBps: bitrateBps ?? defaultAudioBitrateBps[codec],
      channels,
    })),
    ladderMode: ladderModes[profile.ladder],
    ...(profile.loudness && { loudness: profile.loudness }),
    extras: {
      noPoster: !profile.extras.poster,
      storyboard: profile.extras.storyboard,
      waveform: profile.extras.waveform,
      noText: !profile.extras.text,
      noIframes: !profile.extras.iframes,
      ...(profile.extras.quality !== undefined && { quality: profile.extras.quality }),
      downloads: profile.extras.downloads.map(({ format, shortSide, bitrateBps }) => ({
        format: downloadFormats[format],
        shortSide: shortSide ?? 0,
        bitrateBps: bitrateBps ?? 0,
      })),
    },
  });
}

/** A decimal frame rate as a ratio: 29.97 is meant as 30000/1001. */
function rational(frameRate: number): { num: number; den: number } {
  const ntsc = Math.round(frameRate * 1.001);
  if (Math.abs((ntsc * 1000) / 1001 - frameRate) < 0.005 && !Number.isInteger(frameRate)) {
    return { num: ntsc * 1000, den: 1001 };
  }
  return { num: Math.round(frameRate * 1000), den: 1000 };
}
