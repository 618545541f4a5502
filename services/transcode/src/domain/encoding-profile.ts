import {
  AudioCodec,
  DownloadFormat,
  type DownloadRendition,
  DynamicRange,
  type Extras,
  LadderMode,
  type Profile,
  VideoCodec,
  VideoEncoder,
} from '@kerkis/contracts/media';
import type * as media from '@kerkis/media';
import type { EncoderPreset, EncodingProfile } from '@kerkis/media';

const presets: readonly EncoderPreset[] = [
  'ultrafast',
  'superfast',
  'veryfast',
  'faster',
  'fast',
  'medium',
  'slow',
  'slower',
];

const videoCodecs: Readonly<Record<VideoCodec, media.VideoCodec>> = {
  [VideoCodec.UNSPECIFIED]: 'h264',
  [VideoCodec.H264]: 'h264',
  [VideoCodec.HEVC]: 'hevc',
  [VideoCodec.VP9]: 'vp9',
  [VideoCodec.AV1]: 'av1',
};
const audioCodecs: Readonly<Record<AudioCodec, media.AudioCodec>> = {
  [AudioCodec.UNSPECIFIED]: 'aac',
  [AudioCodec.AAC]: 'aac',
  [AudioCodec.OPUS]: 'opus',
};

const encoders: Readonly<Record<VideoEncoder, media.VideoEncoder>> = {
  [VideoEncoder.UNSPECIFIED]: 'software',
  [VideoEncoder.SOFTWARE]: 'software',
  [VideoEncoder.NVENC]: 'nvenc',
  [VideoEncoder.QSV]: 'qsv',
  [VideoEncoder.VAAPI]: 'vaapi',
};

/** Bits per second and pixel of the short side squared that look good at 30 fps with the default quality of each codec. */
const peakBitsPerSquare = { h264: 6, hevc: 4.2, vp9: 4.5, av1: 3.6 } as const;
const defaultAudioBps = { aac: 128_000, opus: 96_000 } as const;

/** A profile as the planner takes it, with the defaults of what it leaves open. */
export function encodingProfile(profile: Profile): EncodingProfile {
  return {
    name: profile.name,
    segmentSeconds: (profile.segmentMs || 4000) / 1000,
    firstSegmentSeconds: (profile.firstSegmentMs || 1000) / 1000,
    preset: presets.find((preset) => preset === profile.preset) ?? 'veryfast',
    ladderMode: profile.ladderMode === LadderMode.PER_TITLE ? 'per-title' : 'fixed',
    ...(profile.loudness && {
      loudness: {
        integratedLufs: profile.loudness.integratedLufs || -23,
        truePeakDbtp: profile.loudness.truePeakDbtp || -1,
      },
    }),
    extras: extrasRequest(profile.extras, profile.ladderMode === LadderMode.PER_TITLE),
    renditions: profile.renditions.map((rendition) => {
      const { shortSide, crf, bitrateBps, maxBitrateBps, maxFrameRate } = rendition;
      const codec = videoCodecs[rendition.codec];
      const average = Number(bitrateBps);
      const peak = Number(maxBitrateBps) || Math.round(average * 1.5) || defaultPeak(codec, shortSide);
      return {
        ...(rendition.name !== '' && { name: rendition.name }),
        height: shortSide,
        codec,
        maxBitrateBps: peak,
        ...(crf > 0 && { crf }),
        ...(average > 0 && { videoBitrateBps: average }),
        ...(maxFrameRate && { frameRate: maxFrameRate.num / maxFrameRate.den }),
        encoder: encoders[rendition.encoder],
        dynamicRange: rendition.dynamicRange === DynamicRange.SOURCE ? 'source' : 'sdr',
        remux: !rendition.noRemux,
      };
    }),
    audio: profile.audios.map(({ name, codec, bitrateBps, channels }) => ({
      ...(name !== '' && { name }),
      codec: audioCodecs[codec],
      bitrateBps: bitrateBps || defaultAudioBps[audioCodecs[codec]],
      channels: channels || 2,
    })),
  };
}

function extrasRequest(extras: Extras | undefined, isPerTitle: boolean): media.ExtrasRequest {
  return {
    poster: !extras?.noPoster,
    storyboard: extras?.storyboard ?? false,
    waveform: extras?.waveform ?? false,
    text: !extras?.noText,
    iframes: !extras?.noIframes,
    quality: extras?.quality ?? isPerTitle,
    downloads: (extras?.downloads ?? []).flatMap(download),
  };
}

function download({ format, shortSide, bitrateBps }: DownloadRendition): media.DownloadRendition[] {
  switch (format) {
    case DownloadFormat.MP4:
      return [{ format: 'mp4', ...(shortSide > 0 && { height: shortSide }) }];
    case DownloadFormat.M4A:
      return [{ format: 'm4a' }];
    case DownloadFormat.MP3:
      return [{ format: 'mp3', bitrateBps: bitrateBps || 192_000 }];
    default:
      return [];
  }
}

function defaultPeak(codec: media.VideoCodec, shortSide: number): number {
  return Math.max(100_000, Math.round(shortSide * shortSide * peakBitsPerSquare[codec]));
}
