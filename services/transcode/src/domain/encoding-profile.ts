import type { Profile } from '@kerkis/contracts/media';
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

/** Bits per second and pixel of the short side squared that look good at 30 fps with the default quality. */
const peakBitsPerSquare = 6;

/** A profile as the planner takes it, with the defaults of what it leaves open. */
export function encodingProfile(profile: Profile): EncodingProfile {
  return {
    name: profile.name,
    segmentSeconds: (profile.segmentMs || 4000) / 1000,
    preset: presets.find((preset) => preset === profile.preset) ?? 'veryfast',
    renditions: profile.renditions.map(({ shortSide, crf, bitrateBps, maxBitrateBps, maxFrameRate }) => {
      const average = Number(bitrateBps);
      const peak = Number(maxBitrateBps) || Math.round(average * 1.5) || defaultPeak(shortSide);
      return {
        height: shortSide,
        codec: 'h264',
        maxBitrateBps: peak,
        ...(crf > 0 && { crf }),
        ...(average > 0 && { videoBitrateBps: average }),
        ...(maxFrameRate && { frameRate: maxFrameRate.num / maxFrameRate.den }),
      };
    }),
    audio: profile.audios.map(({ bitrateBps, channels }) => ({
      codec: 'aac',
      bitrateBps: bitrateBps || 128_000,
      channels: channels || 2,
    })),
  };
}

function defaultPeak(shortSide: number): number {
  return Math.max(100_000, Math.round(shortSide * shortSide * peakBitsPerSquare));
}
