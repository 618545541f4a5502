import { AudioCodec, type Profile, VideoCodec } from '@kerkis/contracts/media';
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

/** Bits per second and pixel of the short side squared that look good at 30 fps with the default quality of each codec. */
const peakBitsPerSquare = { h264: 6, hevc: 4.2, vp9: 4.5, av1: 3.6 } as const;
const defaultAudioBps = { aac: 128_000, opus: 96_000 } as const;

/** A profile as the planner takes it, with the defaults of what it leaves open. */
export function encodingProfile(profile: Profile): EncodingProfile {
  return {
    name: profile.name,
    segmentSeconds: (profile.segmentMs || 4000) / 1000,
    preset: presets.find((preset) => preset === profile.preset) ?? 'veryfast',
    renditions: profile.renditions.map((rendition) => {
      const { shortSide, crf, bitrateBps, maxBitrateBps, maxFrameRate } = rendition;
      const codec = videoCodecs[rendition.codec];
      const average = Number(bitrateBps);
      const peak = Number(maxBitrateBps) || Math.round(average * 1.5) || defaultPeak(codec, shortSide);
      return {
        height: shortSide,
        codec,
        maxBitrateBps: peak,
        ...(crf > 0 && { crf }),
        ...(average > 0 && { videoBitrateBps: average }),
        ...(maxFrameRate && { frameRate: maxFrameRate.num / maxFrameRate.den }),
      };
    }),
    audio: profile.audios.map(({ codec, bitrateBps, channels }) => ({
      codec: audioCodecs[codec],
      bitrateBps: bitrateBps || defaultAudioBps[audioCodecs[codec]],
      channels: channels || 2,
    })),
  };
}

function defaultPeak(codec: media.VideoCodec, shortSide: number): number {
  return Math.max(100_000, Math.round(shortSide * shortSide * peakBitsPerSquare[codec]));
}
