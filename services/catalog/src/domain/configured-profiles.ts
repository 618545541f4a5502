import { create } from '@bufbuild/protobuf';
import { defaultAudioBitrateBps, type KerkisConfig } from '@kerkis/config';
import { AudioCodec, type Profile, ProfileSchema, VideoCodec } from '@kerkis/contracts/media';

const videoCodecs = {
  h264: VideoCodec.H264,
  hevc: VideoCodec.HEVC,
  vp9: VideoCodec.VP9,
  av1: VideoCodec.AV1,
} as const;
const audioCodecs = { aac: AudioCodec.AAC, opus: AudioCodec.OPUS } as const;

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
    preset: profile.preset,
    renditions: profile.renditions.map((rendition) => ({
      shortSide: rendition.shortSide,
      codec: videoCodecs[rendition.codec],
      crf: rendition.crf ?? 0,
      bitrateBps: BigInt(rendition.bitrateBps ?? 0),
      maxBitrateBps: BigInt(rendition.maxBitrateBps ?? 0),
      ...(rendition.frameRate !== undefined && { maxFrameRate: rational(rendition.frameRate) }),
    })),
    audios: profile.audio.map(({ codec, bitrateBps, channels }) => ({
      codec: audioCodecs[codec],
      bitrateBps: bitrateBps ?? defaultAudioBitrateBps[codec],
      channels,
    })),
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
