import { toJson } from '@bufbuild/protobuf';
import { parseConfig } from '@kerkis/config';
import { AudioCodec, ProfileSchema, VideoCodec } from '@kerkis/contracts/media';
import { KerkisError } from '@kerkis/errors';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configuredProfiles } from './configured-profiles.ts';

const { profiles } = parseConfig('{}');

test('every configured profile is shown under its name, with what it says', () => {
  const shown = configuredProfiles(profiles);
  expect([...shown.keys()]).toEqual(Object.keys(profiles));
  for (const [name, profile] of Object.entries(profiles)) {
    const message = shown.get(name);
    expect(message).toMatchObject({ name, builtIn: true, segmentMs: profile.segmentSeconds * 1000 });
    expect(message?.renditions.map(({ shortSide }) => shortSide)).toEqual(
      profile.renditions.map(({ shortSide }) => shortSide),
    );
    expect(message?.renditions.every(({ codec }) => codec === VideoCodec.H264)).toBe(true);
    expect(message?.audios.length).toBe(profile.audio.length);
  }
});

test('codecs of the file are those of the API', () => {
  const file = `profiles:
  mixed:
    renditions:
      - { shortSide: 720, crf: 23 }
      - { shortSide: 720, codec: hevc, crf: 26 }
      - { shortSide: 720, codec: vp9, crf: 36 }
      - { shortSide: 720, codec: av1, crf: 60 }
    audio: [{}, { codec: opus }]
`;
  const message = configuredProfiles(parseConfig(file).profiles).get('mixed');
  expect(message?.renditions.map(({ codec }) => codec)).toEqual([
    VideoCodec.H264,
    VideoCodec.HEVC,
    VideoCodec.VP9,
    VideoCodec.AV1,
  ]);
  expect(message?.audios.map(({ codec, bitrateBps }) => [codec, bitrateBps])).toEqual([
    [AudioCodec.AAC, 128_000],
    [AudioCodec.OPUS, 96_000],
  ]);
});

test('everything that the file says is in the message', () => {
  const file = `profiles:
  all:
    renditions:
      - { name: big, shortSide: 720, codec: hevc, crf: 20, maxBitrateBps: 2000000, frameRate: 29.97,
          encoder: vaapi, dynamicRange: source, remux: false }
    audio: [{ name: wide, codec: opus, bitrateBps: 256000, channels: 6 }]
    segmentSeconds: 6
    firstSegmentSeconds: 1.5
    preset: slow
    ladder: per-title
    loudness: { integratedLufs: -16 }
    extras:
      poster: false
      storyboard: true
      waveform: true
      text: false
      iframes: false
      quality: true
      downloads: [{ format: mp4, shortSide: 480 }, { format: m4a }, { format: mp3, bitrateBps: 64000 }]
`;
  const profile = configuredProfiles(parseConfig(file).profiles).get('all');
  expect(profile && toJson(ProfileSchema, profile)).toEqual({
    name: 'all',
    builtIn: true,
    segmentMs: 6000,
    firstSegmentMs: 1500,
    preset: 'slow',
    ladderMode: 'LADDER_MODE_PER_TITLE',
    loudness: { integratedLufs: -16, truePeakDbtp: -1 },
    extras: {
      noPoster: true,
      storyboard: true,
      waveform: true,
      noText: true,
      noIframes: true,
      quality: true,
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
});

function rateOf(frameRate: number) {
  const [name, profile] = Object.entries(profiles)[0] ?? [];
  const rendition = profile?.renditions[0];
  if (!name || !profile || !rendition) throw new KerkisError('internal', 'TEST', 'no profile');
  const changed = { [name]: { ...profile, renditions: [{ ...rendition, frameRate }] } };
  return configuredProfiles(changed).get(name)?.renditions[0]?.maxFrameRate;
}

test('the NTSC rates are meant as ratios', () => {
  for (const [decimal, num] of [
    [23.976, 24_000],
    [29.97, 30_000],
    [59.94, 60_000],
  ] as const) {
    expect(rateOf(decimal)).toMatchObject({ num, den: 1001 });
  }
  expect(rateOf(25)).toMatchObject({ num: 25_000, den: 1000 });
  expect(rateOf(12.5)).toMatchObject({ num: 12_500, den: 1000 });
});

test('any rate comes out as a ratio next to it', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 120, noNaN: true }), (frameRate) => {
      const { num = 0, den = 0 } = rateOf(frameRate) ?? {};
      expect(Number.isInteger(num) && den > 0).toBe(true);
      expect(Math.abs(num / den - frameRate)).toBeLessThan(0.006);
    }),
  );
});
