import { create, fromJson } from '@bufbuild/protobuf';
import { AudioCodec, ProfileSchema, VideoCodec } from '@kerkis/contracts/media';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodingProfile } from './encoding-profile.ts';

test('what a profile leaves open has a default', () => {
  const profile = create(ProfileSchema, { name: 'open', renditions: [{ shortSide: 720 }], audios: [{}] });
  expect(encodingProfile(profile)).toEqual({
    name: 'open',
    segmentSeconds: 4,
    firstSegmentSeconds: 1,
    preset: 'veryfast',
    ladderMode: 'fixed',
    extras: {
      poster: true,
      storyboard: false,
      waveform: false,
      text: true,
      iframes: true,
      quality: false,
      downloads: [],
    },
    renditions: [
      {
        height: 720,
        codec: 'h264',
        maxBitrateBps: 3_110_400,
        encoder: 'software',
        dynamicRange: 'sdr',
        remux: true,
      },
    ],
    audio: [{ codec: 'aac', bitrateBps: 128_000, channels: 2 }],
  });
});

test('everything that a profile says reaches the planner', () => {
  const profile = fromJson(ProfileSchema, {
    name: 'all',
    segmentMs: 6000,
    firstSegmentMs: 2500,
    preset: 'slow',
    ladderMode: 'LADDER_MODE_PER_TITLE',
    loudness: { integratedLufs: -16, truePeakDbtp: -2 },
    extras: {
      noPoster: true,
      storyboard: true,
      waveform: true,
      noText: true,
      noIframes: true,
      quality: false,
      downloads: [
        { format: 'DOWNLOAD_FORMAT_MP4', shortSide: 480 },
        { format: 'DOWNLOAD_FORMAT_M4A' },
        { format: 'DOWNLOAD_FORMAT_MP3', bitrateBps: 64_000 },
      ],
    },
    renditions: [
      {
        name: 'big',
        shortSide: 720,
        codec: 'VIDEO_CODEC_HEVC',
        crf: 20,
        maxBitrateBps: '2000000',
        maxFrameRate: { num: 30_000, den: 1001 },
        encoder: 'VIDEO_ENCODER_VAAPI',
        dynamicRange: 'DYNAMIC_RANGE_SOURCE',
        noRemux: true,
      },
    ],
    audios: [{ name: 'wide', codec: 'AUDIO_CODEC_OPUS', bitrateBps: 256_000, channels: 6 }],
  });
  expect(encodingProfile(profile)).toEqual({
    name: 'all',
    segmentSeconds: 6,
    firstSegmentSeconds: 2.5,
    preset: 'slow',
    ladderMode: 'per-title',
    loudness: { integratedLufs: -16, truePeakDbtp: -2 },
    extras: {
      poster: false,
      storyboard: true,
      waveform: true,
      text: false,
      iframes: false,
      quality: false,
      downloads: [{ format: 'mp4', height: 480 }, { format: 'm4a' }, { format: 'mp3', bitrateBps: 64_000 }],
    },
    renditions: [
      {
        name: 'big',
        height: 720,
        codec: 'hevc',
        crf: 20,
        maxBitrateBps: 2_000_000,
        frameRate: 30_000 / 1001,
        encoder: 'vaapi',
        dynamicRange: 'source',
        remux: false,
      },
    ],
    audio: [{ name: 'wide', codec: 'opus', bitrateBps: 256_000, channels: 6 }],
  });
});

test('codecs are those of the profile, with peaks and bitrates that suit them', () => {
  const profile = create(ProfileSchema, {
    name: 'codecs',
    renditions: [VideoCodec.H264, VideoCodec.HEVC, VideoCodec.VP9, VideoCodec.AV1].map((codec) => ({
      shortSide: 1000,
      codec,
    })),
    audios: [{ codec: AudioCodec.AAC }, { codec: AudioCodec.OPUS }],
  });
  const { renditions, audio } = encodingProfile(profile);
  expect(renditions.map(({ codec, maxBitrateBps }) => [codec, maxBitrateBps])).toEqual([
    ['h264', 6_000_000],
    ['hevc', 4_200_000],
    ['vp9', 4_500_000],
    ['av1', 3_600_000],
  ]);
  expect(audio.map(({ codec, bitrateBps }) => [codec, bitrateBps])).toEqual([
    ['aac', 128_000],
    ['opus', 96_000],
  ]);
});

test('what a profile says is taken, and a peak is never missing', () => {
  const rendition = fc.record({
    shortSide: fc.integer({ min: 16, max: 4320 }),
    crf: fc.integer({ min: 0, max: 51 }),
    bitrateBps: fc.bigInt({ min: 0n, max: 100_000_000n }),
    maxBitrateBps: fc.bigInt({ min: 0n, max: 100_000_000n }),
  });
  fc.assert(
    fc.property(fc.array(rendition), (renditions) => {
      const encoding = encodingProfile(create(ProfileSchema, { name: 'x', renditions }));
      for (const [index, made] of encoding.renditions.entries()) {
        const asked = renditions[index];
        expect(made.height).toBe(asked?.shortSide);
        expect(made.crf).toBe(asked?.crf || undefined);
        expect(made.videoBitrateBps).toBe(Number(asked?.bitrateBps) || undefined);
        expect(Number.isInteger(made.maxBitrateBps) && made.maxBitrateBps > 0).toBe(true);
        if (asked?.maxBitrateBps) expect(made.maxBitrateBps).toBe(Number(asked.maxBitrateBps));
        else if (asked?.bitrateBps) expect(made.maxBitrateBps).toBeGreaterThan(Number(asked.bitrateBps));
      }
    }),
  );
});
